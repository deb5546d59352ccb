// `stele enroll`: the auditor's side: believes a host as far as a TPM maker and the TPM vouch for
// it, and writes the trust file.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_enroll(CLI::App& app, int& exit_code);

}  // namespace stele::tools
