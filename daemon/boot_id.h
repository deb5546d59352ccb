// The id of this boot, as the kernel says it: what one kernel counts, another one does not go on with.
//
// Thread safety: from any thread. Errors: none; empty where it cannot be read. Trust: the kernel's
// word; the copies of a virtual machine's memory have it in common.
#pragma once

#include <string>

namespace stele::daemon {

std::string read_boot_id();  // "870c2f1e-1d5b-4a3c-9a52-0d6c7a0b1e55"

}  // namespace stele::daemon
