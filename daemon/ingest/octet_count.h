// The count before an octet-counted syslog frame (RFC 6587, 3.4.1): "NONZERO-DIGIT *DIGIT SP".
//
// Thread safety: pure. Errors: none; what is no count is said to be none.
// Trust: the bytes come from whoever may connect.
#pragma once

#include <cstdint>

#include "attest/hash.h"

namespace stele::daemon {

// More digits state more than any event may have (4 GiB have ten): it is no count, and a stream of
// digits is not waited for to end.
constexpr std::size_t kMaxCountDigits = 10;

struct OctetCount {
  enum class Found : std::uint8_t { whole, beginning, none } found = Found::beginning;
  std::uint64_t value = 0;  // whole: the octets that follow
  std::size_t length = 0;   // whole: of the count, its SP included
};
// bytes: the frame so far, from its beginning. beginning: more bytes are needed.
OctetCount find_octet_count(attest::ByteView bytes);

}  // namespace stele::daemon
