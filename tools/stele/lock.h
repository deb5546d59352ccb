// `stele lock`: the auditor's side: locks a host's TPM in mode A with secrets that the host never
// sees, and writes the trust file that says so.
//
// Idempotent: run again, it shows that the TPM is locked with these very secrets.
// See: tpm/README.md, "Mode A from outside".
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_lock(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
