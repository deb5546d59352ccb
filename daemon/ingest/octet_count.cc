#include "daemon/ingest/octet_count.h"

namespace stele::daemon {

OctetCount find_octet_count(attest::ByteView bytes) {
  OctetCount count;
  for (const std::uint8_t byte : bytes) {
    const bool digit = byte >= '0' && byte <= '9';
    if (byte == ' ' && count.length > 0) {
      ++count.length;
      count.found = OctetCount::Found::whole;
      return count;
    }
    if (!digit || (byte == '0' && count.length == 0) || count.length == kMaxCountDigits) {
      count.found = OctetCount::Found::none;
      return count;
    }
    count.value = 10 * count.value + (byte - std::uint64_t{'0'});
    ++count.length;
  }
  return count;
}

}  // namespace stele::daemon
