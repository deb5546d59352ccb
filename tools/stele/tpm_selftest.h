// `stele tpm selftest`: whether this chip keeps the promises that anchors stand on, and how fast.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

// Adds itself below `stele tpm`.
void add_tpm_selftest(CLI::App& tpm, const Common& common, int& exit_code);

}  // namespace stele::tools
