// stele bundle: the log, or part of it, in one file for somebody who was never on this host.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_bundle(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
