// `stele anchor`: makes a counter anchor now; `anchor export` hands one to other tools.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_anchor(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
