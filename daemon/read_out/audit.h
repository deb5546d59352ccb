// An event of the Linux audit: its records, one or several, each a line "type=… msg=audit(…): …".
//
// All records of an event have one stamp (seconds.milliseconds:serial) and, where there is one, one
// node. Values are taken as they are written: quotes go, hexadecimal ones are decoded where the
// field is known to be a string, what auditd's ENRICHED format adds behind 0x1D is used.
// Not read by libauparse: its interpretations ask the host it runs on (password file, kernel), so
// the same bytes would answer differently elsewhere or later; it is the reference in the tests.
// Thread safety: pure. Errors: nothing comes back. Trust: the text may come from anyone.
// See: README.md, "audit".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/read_out/audit_stamp.h"
#include "daemon/read_out/read_out.h"

namespace stele::daemon {

constexpr std::size_t kMaxAuditRecords = 1024;  // of one event; the kernel makes a few dozen

struct AuditRecord : AuditStamp {
  struct Pair {
    std::string_view name, value;  // the value as written, quotes included
  };
  std::vector<Pair> pairs;  // also those inside msg='…', and the enriched ones at the end

  std::optional<std::string_view> find(std::string_view name) const;
};
// One event: records of one stamp, on lines of their own.
std::optional<std::vector<AuditRecord>> parse_audit_event(std::string_view text);

bool looks_like_audit(std::string_view text);
bool read_audit(std::string_view text, ReadOut& out);

// A value without its quotes; of a field that holds a string, hexadecimal digits decoded.
std::string audit_text(std::string_view value);

}  // namespace stele::daemon
