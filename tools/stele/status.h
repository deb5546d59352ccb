// `stele status`: size, anchors, lag and TPM state; with --check as a monitoring plugin.
//
// --check prints one line and ends with 0 ok, 1 warning, 2 critical or 3 unknown, whatever happens.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_status(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
