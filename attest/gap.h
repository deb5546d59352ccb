// The content of a gap record: how many events were lost before this place, why, and when.
//
//   {"lost":N,"reason":"too_long"}                                  exactly so: N decimal, the
//   {"lost":N,"reason":"queue_overflow","since_ns":A,"until_ns":B}  reason of a-z and _, at most 64
//
// The span, where it is known, tells when the first and the last of them came: nanoseconds since
// 1970, 0 <= A <= B. N is 0 where something is missing and nobody can say how much.
// Thread safety: pure. Errors: decode_gap: value_out_of_range. Trust: from the host under
// judgement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

struct GapSpan {
  std::int64_t since_ns = 0;
  std::int64_t until_ns = 0;
};
struct Gap {
  std::uint64_t lost = 0;
  std::string reason;
  std::optional<GapSpan> span = std::nullopt;
};
std::string encode(const Gap& gap);
Result<Gap> decode_gap(ByteView content);

}  // namespace stele::attest
