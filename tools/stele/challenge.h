// `stele challenge`: the auditor's side of a live check: is this everything, now?
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_challenge(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
