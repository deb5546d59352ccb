#include "attest/printable.h"

#include <cstdint>

#include "attest/utf8.h"

namespace stele::attest {
namespace {

// The well-formed UTF-8 sequence at the front, or an empty view.
std::string_view sequence(std::string_view bytes) {
  const auto lead = static_cast<std::uint8_t>(bytes.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const std::string_view text = bytes.substr(0, length);
  return text.size() == length && is_utf8(text) ? text : std::string_view{};
}

std::uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(sequence[at]); };
  if (sequence.size() == 1) return byte(0);
  std::uint32_t point = byte(0) & (0xffu >> (sequence.size() + 1));
  for (std::size_t i = 1; i < sequence.size(); ++i) point = point << 6 | (byte(i) & 0x3fu);
  return point;
}

bool is_shown(std::uint32_t point) {
  if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
  if (point >= 0x2028 && point <= 0x202e) return false;
  if (point >= 0x2066 && point <= 0x2069) return false;
  return point != 0x200e && point != 0x200f && point != 0xfeff;
}

void append_escaped(std::string& out, std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    std::string_view text = sequence(bytes);
    if (text == "\\") {
      out += "\\\\";
    } else if (!text.empty() && is_shown(code_point(text))) {
      out += text;
    } else {
      if (text.empty()) text = bytes.substr(0, 1);
      append_escaped(out, text);
    }
    bytes.remove_prefix(text.size());
  }
  return out;
}

bool is_printable(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view text = sequence(bytes);
    if (text.empty() || (text != "\t" && !is_shown(code_point(text)))) return false;
    bytes.remove_prefix(text.size());
  }
  return true;
}

}  // namespace stele::attest
