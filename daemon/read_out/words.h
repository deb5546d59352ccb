// Pieces of text taken from the front, as every reader of lines needs them.
//
// Thread safety: pure. Trust: text may come from anyone; nothing here reads past its end.
#pragma once

#include <optional>
#include <string_view>

namespace stele::daemon {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Removes the prefix if it is there.
inline bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// What stands before the delimiter, which goes too; the whole rest where there is none.
inline std::string_view take_until(std::string_view& text, char delimiter) {
  const std::size_t end = text.find(delimiter);
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return piece;
}

inline std::string_view take_word(std::string_view& text) {
  return take_until(text, ' ');
}

// What stands between the two marks, the first of each kind.
inline std::optional<std::string_view> between(std::string_view text, std::string_view before,
                                               std::string_view after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + before.size());
  return text.substr(0, text.find(after));
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n' ||
                           text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace stele::daemon
