// `stele tpm show`: what the TPM says of itself, and what stands at this log's handles.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

// Adds itself below `stele tpm`.
void add_tpm_show(CLI::App& tpm, const Common& common, int& exit_code);

}  // namespace stele::tools
