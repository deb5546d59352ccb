// `stele trust`: prints or exports the trust file that an auditor pins.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_trust(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
