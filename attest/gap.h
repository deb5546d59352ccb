// The content of a gap record: how many events were lost before this place, and why.
//
//   {"lost":N,"reason":"too_long"}      exactly so: N decimal, the reason of a-z and _, at most 64
//
// Thread safety: pure. Errors: decode_gap: value_out_of_range. Trust: from the host under
// judgement.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

struct Gap {
  std::uint64_t lost = 0;
  std::string reason;
};
std::string encode(const Gap& gap);
Result<Gap> decode_gap(ByteView content);

}  // namespace stele::attest
