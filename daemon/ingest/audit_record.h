// A Linux audit record as one line: what tells to which event it belongs, and nothing more.
//
//   [node=NAME ]type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL): FIELDS
//
// Thread safety: pure. Errors: parse_audit_stamp: value_out_of_range. Trust: from whoever serves
// the socket that auditd should.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "attest/result.h"

namespace stele::daemon {

// Views into the line.
struct AuditStamp {
  std::string_view node;  // empty: this host
  std::string_view type;  // "SYSCALL"
  std::int64_t time_ns = 0;
  std::uint64_t serial = 0;
  bool ends_event() const { return type == "EOE"; }
  // auditd's own records, which it numbers itself, from anywhere.
  bool is_of_auditd() const { return type.starts_with("DAEMON_"); }
};
attest::Result<AuditStamp> parse_audit_stamp(std::string_view line);

// Whether such a record is a whole event, which no end-of-event record follows.
bool is_single(std::string_view type);
// "SYSCALL" for 1300; what libaudit does not know is "UNKNOWN[n]", as auditd writes it.
std::string audit_type_name(std::uint32_t type);

// Records that the kernel lost since its counter was last set to 0, as it tells when somebody sets
// it to 0 again (`auditctl --reset-lost`); 0: the line does not tell.
std::uint64_t kernel_lost(const AuditStamp& stamp, std::string_view line);

}  // namespace stele::daemon
