// `stele anchor export SEQ -o DIR`: a counter anchor as files that tpm2_checkquote and openssl
// check.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

// Adds itself below `stele anchor`.
void add_anchor_export(CLI::App& anchor, const Common& common);

}  // namespace stele::tools
