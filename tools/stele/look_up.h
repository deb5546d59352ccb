// `stele look-up`: makes the look-up anew from the log, which holds all that it knows.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_look_up(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
