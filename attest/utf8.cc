#include "attest/utf8.h"

#include <cstddef>
#include <cstdint>

namespace stele::attest {
namespace {

struct Lead {
  std::size_t length;
  std::uint8_t second_min, second_max;  // the second byte alone excludes every bad code point
};

Lead lead_of(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xc2) return {0, 0, 0};  // a continuation, or overlong
  if (byte < 0xe0) return {2, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};  // below: overlong
  if (byte == 0xed) return {3, 0x80, 0x9f};  // above: surrogates
  if (byte < 0xf0) return {3, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x90, 0xbf};  // below: overlong
  if (byte < 0xf4) return {4, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x80, 0x8f};  // above: beyond U+10FFFF
  return {0, 0, 0};
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto byte_at = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  for (std::size_t at = 0; at < text.size();) {
    const Lead lead = lead_of(byte_at(at));
    if (lead.length == 0 || text.size() - at < lead.length) return false;
    if (lead.length > 1 &&
        (byte_at(at + 1) < lead.second_min || byte_at(at + 1) > lead.second_max)) {
      return false;
    }
    for (std::size_t i = 2; i < lead.length; ++i) {
      if ((byte_at(at + i) & 0xc0) != 0x80) return false;
    }
    at += lead.length;
  }
  return true;
}

}  // namespace stele::attest
