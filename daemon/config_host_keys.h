// The keys of what the host itself emits (Linux audit, the journal, the logs of its boot), and of
// what to do without room.
//
// Thread safety: pure.
#pragma once

#include <vector>

#include "daemon/config_keys.h"

namespace stele::daemon {

void add_trouble_keys(std::vector<ConfigKey>& keys);     // [on] disk_low, disk_full, queue_overflow
void add_host_input_keys(std::vector<ConfigKey>& keys);  // [input.audit], [input.journal]
void add_boot_keys(std::vector<ConfigKey>& keys);        // [boot] event_log, ima_list

}  // namespace stele::daemon
