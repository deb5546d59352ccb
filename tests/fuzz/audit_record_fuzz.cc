#include "daemon/ingest/audit_record.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(audit_record) {
  const std::string line(reinterpret_cast<const char*>(input.data()), input.size());
  const auto stamp = parse_audit_stamp(line);
  if (!stamp) return false;
  ENSURE(stamp->time_ns >= 0 && stamp->serial <= 0xffffffff && !stamp->type.empty());
  kernel_lost(*stamp, line);
  return true;
}
