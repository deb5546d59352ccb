#include "daemon/ingest/audit_record.h"

#include <libaudit.h>

#include <charconv>

namespace stele::daemon {
namespace {

// The number after these bytes, wherever they stand.
bool find_number(std::string_view text, std::string_view before, std::uint64_t& out) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return false;
  text.remove_prefix(at + before.size());
  return std::from_chars(text.data(), text.data() + text.size(), out).ec == std::errc{};
}

}  // namespace

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
