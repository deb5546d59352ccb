// The configuration keys of the socket inputs beside the ingest socket: [listen.…], and the limits
// of whoever comes over the network.
//
// Thread safety: pure. See: config_keys.h.
#pragma once

#include <vector>

#include "daemon/config_keys.h"

namespace stele::daemon {

void add_listen_keys(std::vector<ConfigKey>& keys);
void add_network_limits(std::vector<ConfigKey>& keys);

}  // namespace stele::daemon
