// The configuration key read_out.json: JSON pointers for formats that are not built in.
//
// Thread safety: pure. Errors: as every key's. See: read_out/README.md, "Configured".
#pragma once

#include "daemon/config_keys.h"

namespace stele::daemon {

ConfigKey read_out_key();

}  // namespace stele::daemon
