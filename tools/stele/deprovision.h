// `stele deprovision`: removes what provision made in the TPM and, if asked to, the data directory.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_deprovision(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
