// `stele era sign` and `stele era key`: the auditor's side of an approval. No host, no TPM, no
// network.
//
// Signs only what the auditor could check: the ended era is the one that the auditor's own trust
// file pins; its TPM confirmed the end for the auditor's nonce, or the auditor says what is given
// up. Errors: CommandError 1 (the request contradicts what the auditor knows), 2 (it cannot be told
// whether anchors are missing, and nobody said that they are given up), 64, 65, 66.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_era_sign(CLI::App& era, int& exit_code);

}  // namespace stele::tools
