// What an option that takes a number accepts: decimal digits, below 2^64; CLI11 itself would take
// -1.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <string>

namespace stele::tools {

inline std::string refuse_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::string() : "'" + text + "' is no whole number below 2^64";
}

inline CLI::Validator is_number() {
  return CLI::Validator(refuse_number, "");
}

}  // namespace stele::tools
