// How a Linux audit record begins: what tells to which event it belongs.
//
//   [node=NAME ]type=TYPE msg=audit(SECONDS.MILLISECONDS:SERIAL): FIELDS
//
// Milliseconds are three digits, as kernel and auditd write them.
// Thread safety: pure. Errors: parse_audit_stamp: value_out_of_range. Trust: the line may come from
// anyone.
#pragma once

#include <cstdint>
#include <string_view>

#include "attest/result.h"

namespace stele::daemon {

// Views into the line.
struct AuditStamp {
  std::string_view node;  // empty: this host
  std::string_view type;  // "SYSCALL"
  std::int64_t time_ns = 0;
  std::uint64_t serial = 0;
  std::string_view fields;  // what follows
  bool ends_event() const { return type == "EOE"; }
  // auditd's own records, which it numbers itself, from anywhere.
  bool is_of_auditd() const { return type.starts_with("DAEMON_"); }
};
attest::Result<AuditStamp> parse_audit_stamp(std::string_view line);

}  // namespace stele::daemon
