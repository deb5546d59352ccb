// Decimal numbers in our text formats: digits alone, no sign, no leading zero, at most 2^64 - 1.
//
// Thread safety: pure. Trust: text may come from anyone.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stele::attest {

inline std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

}  // namespace stele::attest
