#include "daemon/read_out/rfc5424.h"

#include <algorithm>

#include "attest/rfc3339.h"
#include "daemon/read_out/syslog_header.h"

namespace stele::daemon {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_print_ascii(char c) {
  return c >= '!' && c <= '~';
}

// 1 to 999, no leading zero.
std::optional<unsigned> take_version(std::string_view& text) {
  const std::string_view word = take_word(text);
  if (word.empty() || word.size() > 3 || word.front() == '0') return std::nullopt;
  if (!std::all_of(word.begin(), word.end(), is_digit)) return std::nullopt;
  unsigned value = 0;
  for (const char c : word) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

// A header field and the space behind it; "-" is an empty one.
bool take_field(std::string_view& text, std::size_t max, std::string_view& field) {
  const std::size_t end = text.find(' ');
  if (end == 0 || end == std::string_view::npos || end > max) return false;
  field = text.substr(0, end);
  if (!std::all_of(field.begin(), field.end(), is_print_ascii)) return false;
  text.remove_prefix(end + 1);
  if (field == "-") field = {};
  return true;
}

// At most six digits of fraction, and a calendar's day: stricter than RFC 3339.
bool take_time(std::string_view& text, std::optional<std::int64_t>& time_ns) {
  std::string_view field;
  if (!take_field(text, 32, field)) return false;
  if (field.empty()) return true;
  const std::size_t point = field.find('.');
  if (point != std::string_view::npos &&
      field.find_first_not_of("0123456789", point + 1) > point + 7) {
    return false;
  }
  time_ns = attest::from_rfc3339(field);
  return time_ns.has_value();
}

bool take_sd_name(std::string_view& text, std::string_view& name) {
  std::size_t end = 0;
  while (end < text.size() && is_print_ascii(text[end]) && text[end] != '=' && text[end] != ']' &&
         text[end] != '"') {
    ++end;
  }
  if (end == 0 || end > 32) return false;
  name = text.substr(0, end);
  text.remove_prefix(end);
  return true;
}

// Behind the opening quote, up to and with the closing one.
bool take_sd_value(std::string_view& text, std::string& value) {
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return true;
    if (c == ']') return false;
    if (c == '\\') {
      if (text.empty() || (text.front() != '"' && text.front() != '\\' && text.front() != ']')) {
        return false;
      }
      value.push_back(text.front());
      text.remove_prefix(1);
    } else {
      value.push_back(c);
    }
  }
  return false;
}

// Behind the opening bracket, up to and with the closing one.
bool take_element(std::string_view& text, Rfc5424& out) {
  std::string_view id;
  if (!take_sd_name(text, id)) return false;
  if (out.elements.size() == kMaxSdElements) return false;
  if (std::find(out.elements.begin(), out.elements.end(), id) != out.elements.end()) return false;
  out.elements.push_back(id);
  while (take(text, " ")) {
    Rfc5424::Parameter parameter;
    parameter.element = id;
    if (!take_sd_name(text, parameter.name) || !take(text, "=\"") ||
        !take_sd_value(text, parameter.value)) {
      return false;
    }
    out.parameters.push_back(std::move(parameter));
  }
  return take(text, "]");
}

bool take_structured_data(std::string_view& text, Rfc5424& out) {
  if (take(text, "-")) return true;
  if (!text.starts_with('[')) return false;
  while (take(text, "[")) {
    if (!take_element(text, out)) return false;
  }
  return true;
}

}  // namespace

std::optional<Rfc5424> parse_rfc5424(std::string_view text) {
  Rfc5424 out;
  const auto priority = take_priority(text);
  if (!priority) return std::nullopt;
  out.priority = *priority;
  const auto version = take_version(text);
  if (!version) return std::nullopt;
  out.version = *version;
  if (!take_time(text, out.time_ns) || !take_field(text, 255, out.hostname) ||
      !take_field(text, 48, out.app_name) || !take_field(text, 128, out.proc_id) ||
      !take_field(text, 32, out.message_id) || !take_structured_data(text, out)) {
    return std::nullopt;
  }
  if (text.empty()) return out;
  if (!take(text, " ")) return std::nullopt;
  take(text, kByteOrderMark);
  out.message = text;
  return out;
}

}  // namespace stele::daemon
