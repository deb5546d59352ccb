#include "daemon/read_out/audit.h"

#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(audit) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto event = parse_audit_event(text);
  ReadOut out;
  ENSURE(read_audit(text, out) == event.has_value());
  if (!event) return false;
  for (const AuditRecord& record : *event) {
    ENSURE(record.serial == event->front().serial && record.time_ns == event->front().time_ns);
    for (const AuditRecord::Pair& pair : record.pairs) {
      ENSURE(!pair.name.empty() && audit_text(pair.value).size() <= pair.value.size());
    }
  }
  for (const std::string& value : out.values) ENSURE(value.size() <= kMaxValueBytes);
  return true;
}
