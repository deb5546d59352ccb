// `stele config`: checks the daemon's configuration as the daemon itself would.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_config(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
