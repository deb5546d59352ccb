// The configuration keys witness, push and witnessed: tables [[witness]], [[push]], [[witnessed]].
//
// Part of the table of keys (config_keys.h). Thread safety, errors: as there.
#pragma once

#include "daemon/config_keys.h"

namespace stele::daemon {

void add_outward_keys(std::vector<ConfigKey>& keys);

}  // namespace stele::daemon
