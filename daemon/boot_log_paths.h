// Where the logs of this boot are read: as configured, or where the kernel has them.
//
// Part of the configuration's target: provisioning reads the firmware's log too, to choose P.
// Thread safety: pure. See: README.md, "Boot logs".
#pragma once

#include <string>

#include "daemon/config.h"

namespace stele::daemon {

// What [boot] event_log and ima_list are by default: the kernel's own file, unless the TPM is a
// simulator, for the kernel's logs tell of this machine's TPM and no other.
constexpr const char* kAutomaticLog = "auto";

struct BootLogPaths {
  std::string event_log;  // empty: none is read
  std::string ima_list;
};
BootLogPaths boot_log_paths(const Config& config);

}  // namespace stele::daemon
