// What libaudit knows of record types, and the kernel's count of records it lost.
//
// Thread safety: pure. Errors: nothing comes back. Trust: from whoever serves the socket that
// auditd should.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/read_out/audit_stamp.h"

namespace stele::daemon {

// Whether such a record is a whole event, which no end-of-event record follows.
bool is_single(std::string_view type);
// "SYSCALL" for 1300; what libaudit does not know is "UNKNOWN[n]", as auditd writes it.
std::string audit_type_name(std::uint32_t type);

// Records that the kernel lost since its counter was last set to 0, as it tells when somebody sets
// it to 0 again (`auditctl --reset-lost`); 0: the line does not tell.
std::uint64_t kernel_lost(const AuditStamp& stamp, std::string_view line);

}  // namespace stele::daemon
