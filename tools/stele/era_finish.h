// `stele era finish`: keeps the trust file that the auditor signed, and removes from the TPM what
// the ended era left there. May be interrupted anywhere and run again.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_era_finish(CLI::App& era, const Common& common, int& exit_code);

}  // namespace stele::tools
