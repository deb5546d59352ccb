// The keys of [http] that are texts and lists: addresses, certificates, who has which role.
//
// Thread safety: pure. See: config_keys.h; its limits in numbers are in config_keys.cc.
#pragma once

#include <vector>

#include "daemon/config_keys.h"

namespace stele::daemon {

void add_http_keys(std::vector<ConfigKey>& keys);
// What is wrong with the keys of [http] together, and what to do; empty: nothing.
std::string http_conflict(const Config& config);

}  // namespace stele::daemon
