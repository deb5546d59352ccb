// `stele tpm`: looks at the TPM itself: `show` and `selftest`.
#pragma once

#include "tools/stele/command.h"
#include "tools/stele/site.h"

namespace stele::tools {

void add_tpm(CLI::App& app, const Common& common, int& exit_code);

// The TCTI to use: as given, or the configuration's.
std::string chosen_tcti(const Site& site, const std::string& given);
// Whether a daemon of this configuration works with that TPM now.
bool daemon_uses(const Site& site, const std::string& tcti);
// Whether only one program at a time can be connected: no resource manager stands in between.
bool serves_one_client(const std::string& tcti);

}  // namespace stele::tools
