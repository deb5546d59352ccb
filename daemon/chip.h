// What the configuration leaves to the chip: heartbeat and assumed cycles, by the trust file's TPM.
//
// Thread safety: pure. Blocks: reads one small file. Errors: none: without a readable trust file
// the chip is unknown. Trust: our own file; a wrong one changes how often is anchored, nothing
// else.
#pragma once

#include "daemon/config.h"

namespace stele::daemon {

// The configuration with every value set that it leaves open.
Config with_chip_defaults(Config config);

}  // namespace stele::daemon
