// `stele provision`: makes a log: key and indexes in the TPM, genesis, secrets and trust file on
// disk.
//
// Idempotent: what an earlier attempt did is kept; a provisioned host is told so, exit 0.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_provision(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
