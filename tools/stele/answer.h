// `stele answer`: the host's side of a live check: its TPM answers an auditor's nonce.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_answer(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
