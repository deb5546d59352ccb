// How long the commands of an anchor take on this chip: medians over scratch objects.
//
// Internal to tpm/. Thread safety: none. Blocks: seconds. Errors: TpmError.
#pragma once

#include <vector>

#include "tpm/selftest.h"

namespace stele::tpm {

// Precondition: owner and endorsement are open, the scratch handles free.
std::vector<Latency> measure_latencies(Device& device, const SelftestPlan& plan);

}  // namespace stele::tpm
