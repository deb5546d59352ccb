// `stele prove`: the proof of one record, which stele-verify checks without this host.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_prove(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
