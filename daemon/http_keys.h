// The keys of [http]: addresses, certificates, who has which role, limits.
//
// Thread safety: pure. See: config_keys.h.
#pragma once

#include <vector>

#include "daemon/config_keys.h"

namespace stele::daemon {

void add_http_keys(std::vector<ConfigKey>& keys);
// What is wrong with the keys of [http] together, and what to do; empty: nothing.
std::string http_conflict(const Config& config);

}  // namespace stele::daemon
