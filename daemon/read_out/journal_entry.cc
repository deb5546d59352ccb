#include "daemon/read_out/journal_entry.h"

#include <charconv>

#include "daemon/read_out/words.h"

namespace stele::daemon {
namespace {

constexpr std::string_view kFirst = "__CURSOR=";

// In the order of JournalField.
constexpr std::array<std::string_view, kJournalFieldCount> kNames{
    "MESSAGE",     "PRIORITY",           "SYSLOG_IDENTIFIER", "_COMM",
    "_HOSTNAME",   "_UID",               "_AUDIT_LOGINUID",   "USER_ID",
    "UNIT",        "USER_UNIT",          "JOB_TYPE",          "JOB_RESULT",
    "_AUDIT_TYPE_NAME", "_AUDIT_ID", "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"};

bool is_name(std::string_view name) {
  constexpr std::size_t kMaxNameBytes = 64;  // journald's own limit
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  for (const char c : name) {
    if (!is_digit(c) && c != '_' && (c < 'A' || c > 'Z')) return false;
  }
  return true;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [past, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || past != text.data() + text.size()) return std::nullopt;
  return number;
}

// The value behind a line that is only a name.
std::optional<std::string_view> take_counted(std::string_view& text) {
  constexpr std::size_t kLengthBytes = 8;
  if (text.size() < kLengthBytes) return std::nullopt;
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | static_cast<unsigned char>(text[i]);
  }
  text.remove_prefix(kLengthBytes);
  if (text.size() <= length || text[length] != '\n') return std::nullopt;
  const std::string_view value = text.substr(0, length);
  text.remove_prefix(length + 1);
  return value;
}

// Microseconds since 1970, as far as nanoseconds reach.
std::optional<std::int64_t> time_of(std::string_view text) {
  constexpr std::uint64_t kLatest = std::uint64_t{9'000'000'000} * 1'000'000;
  const auto microseconds = whole_number(text);
  if (!microseconds || *microseconds > kLatest) return std::nullopt;
  return static_cast<std::int64_t>(*microseconds * 1000);
}

}  // namespace

bool looks_like_journal(std::string_view text) {
  return text.starts_with(kFirst);
}

std::optional<JournalEntry> parse_journal_entry(std::string_view text) {
  if (!looks_like_journal(text)) return std::nullopt;
  JournalEntry entry;
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    const std::size_t equals = line.find('=');
    const std::string_view name = line.substr(0, equals);
    if (!is_name(name)) return std::nullopt;
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = line.substr(equals + 1);
    } else if (const auto counted = take_counted(text)) {
      value = *counted;
    } else {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < kJournalFieldCount; ++i) {
      if (entry.values[i].empty() && name == kNames[i]) entry.values[i] = value;
    }
  }
  return entry;
}

std::optional<std::int64_t> JournalEntry::time_ns() const {
  const auto source = time_of((*this)[JournalField::source_time]);
  return source ? source : time_of((*this)[JournalField::time]);
}

std::optional<unsigned> JournalEntry::priority() const {
  const std::string_view text = (*this)[JournalField::priority];
  if (text.size() != 1 || text[0] < '0' || text[0] > '7') return std::nullopt;
  return static_cast<unsigned>(text[0] - '0');
}

std::string JournalEntry::audit_record() const {
  const std::string_view type = (*this)[JournalField::audit_type];
  const auto serial = whole_number((*this)[JournalField::audit_id]);
  const auto at = time_of((*this)[JournalField::source_time]);
  std::string_view fields = (*this)[JournalField::message];
  if (type.empty() || !serial || !at || !take(fields, type) || !take(fields, " ")) return {};
  const std::int64_t milliseconds = *at / 1'000'000;
  const std::string fraction = std::to_string(1000 + milliseconds % 1000).substr(1);
  return "type=" + std::string(type) + " msg=audit(" + std::to_string(milliseconds / 1000) + "." +
         fraction + ":" + std::to_string(*serial) + "): " + std::string(fields);
}

}  // namespace stele::daemon
