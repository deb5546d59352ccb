#include "daemon/ingest/audit_record.h"

#include <libaudit.h>

#include <charconv>

namespace stele::daemon {
namespace {

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// A word of at least one byte up to the next space, and that space.
bool take_word(std::string_view& text, std::string_view& out) {
  const std::size_t space = text.find(' ');
  if (space == 0 || space == std::string_view::npos) return false;
  out = text.substr(0, space);
  text.remove_prefix(space + 1);
  return true;
}

template <class T>
bool take_number(std::string_view& text, T largest, T& out) {
  const auto [past, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || out > largest || out < T{0}) return false;
  text.remove_prefix(static_cast<std::size_t>(past - text.data()));
  return true;
}

// The number after these bytes, wherever they stand.
bool find_number(std::string_view text, std::string_view before, std::uint64_t& out) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return false;
  text.remove_prefix(at + before.size());
  return take_number(text, ~std::uint64_t{0}, out);
}

bool take_stamp(std::string_view text, AuditStamp& out) {
  // Beyond, nanoseconds do not fit (year 2262); auditd writes three digits of milliseconds.
  constexpr std::int64_t kLastSecond = 9'223'372'035;
  constexpr std::int64_t kLastMillisecond = 999;
  std::int64_t seconds = 0;
  std::int64_t milliseconds = 0;
  if (take(text, "node=") && !take_word(text, out.node)) return false;
  if (!take(text, "type=") || !take_word(text, out.type) || !take(text, "msg=audit(")) return false;
  if (!take_number(text, kLastSecond, seconds) || !take(text, ".")) return false;
  if (!take_number(text, kLastMillisecond, milliseconds) || !take(text, ":")) return false;
  if (!take_number(text, std::uint64_t{0xffffffff}, out.serial) || !take(text, "):")) return false;
  out.time_ns = seconds * 1'000'000'000 + milliseconds * 1'000'000;
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

// As auparse(3) has it: of events that come in several records, all lie between the first event and
// the first anomaly; but EOE tells where those end.
bool is_single(std::string_view type) {
  const int number = ::audit_name_to_msg_type(std::string(type).c_str());
  if (number < 0) return false;
  return number < AUDIT_FIRST_EVENT || number >= AUDIT_FIRST_ANOM_MSG;
}

std::string audit_type_name(std::uint32_t type) {
  const char* name = ::audit_msg_type_to_name(static_cast<int>(type));
  return name != nullptr ? std::string(name) : "UNKNOWN[" + std::to_string(type) + "]";
}

std::uint64_t kernel_lost(const AuditStamp& stamp, std::string_view line) {
  std::uint64_t count = 0;
  if (stamp.type == "CONFIG_CHANGE") find_number(line, " op=set lost=0 old=", count);
  return count;
}

}  // namespace stele::daemon
