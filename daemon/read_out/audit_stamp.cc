#include "daemon/read_out/audit_stamp.h"

#include <algorithm>
#include <charconv>

#include "daemon/read_out/words.h"

namespace stele::daemon {
namespace {

template <class T>
bool take_number(std::string_view& text, T largest, T& out) {
  const auto [past, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || out > largest || out < T{0}) return false;
  text.remove_prefix(static_cast<std::size_t>(past - text.data()));
  return true;
}

// "UNKNOWN[1420]" is how auditd writes a type that it does not know.
bool is_type(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' ||
           c == '[' || c == ']';
  });
}

bool take_stamp(std::string_view text, AuditStamp& out) {
  // Beyond, nanoseconds do not fit (year 2262).
  constexpr std::int64_t kLastSecond = 9'223'372'035;
  constexpr std::size_t kMillisecondDigits = 3;
  std::int64_t seconds = 0;
  std::int64_t milliseconds = 0;
  if (take(text, "node=") && (out.node = take_word(text)).empty()) return false;
  if (!take(text, "type=") || !is_type(out.type = take_word(text))) return false;
  if (!take(text, "msg=audit(") || !take_number(text, kLastSecond, seconds)) return false;
  if (!take(text, ".") || text.find(':') != kMillisecondDigits) return false;
  if (!take_number(text, std::int64_t{999}, milliseconds) || !take(text, ":")) return false;
  if (!take_number(text, std::uint64_t{0xffffffff}, out.serial) || !take(text, "):")) return false;
  out.time_ns = seconds * 1'000'000'000 + milliseconds * 1'000'000;
  out.fields = text;
  return true;
}

}  // namespace

attest::Result<AuditStamp> parse_audit_stamp(std::string_view line) {
  AuditStamp stamp;
  if (!take_stamp(line, stamp)) {
    return attest::Defect(attest::Fault::value_out_of_range, {}, "a line that is no audit record");
  }
  return stamp;
}

}  // namespace stele::daemon
