// What both syslog formats begin with: "<PRI>", facility * 8 + severity.
//
// Thread safety: pure. Trust: text may come from anyone. See: RFC 5424, section 6.2.1.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/read_out/words.h"

namespace stele::daemon {

// Takes it from the front; 0 to 191 without leading zeros, else nothing.
inline std::optional<unsigned> take_priority(std::string_view& text) {
  std::string_view rest = text;
  if (!take(rest, "<")) return std::nullopt;
  unsigned value = 0;
  std::size_t digits = 0;
  for (; digits < rest.size() && digits < 4 && is_digit(rest[digits]); ++digits) {
    value = value * 10 + static_cast<unsigned>(rest[digits] - '0');
  }
  if (digits == 0 || digits > 3 || value > 191 || (digits > 1 && rest.front() == '0')) {
    return std::nullopt;
  }
  rest.remove_prefix(digits);
  if (!take(rest, ">")) return std::nullopt;
  text = rest;
  return value;
}

}  // namespace stele::daemon
