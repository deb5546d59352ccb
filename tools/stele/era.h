// `stele era`: the way from one era of a log to the next, and the auditor's approval of it.
//
//   begin     ends the newest era, begins the next (era_begin.h)      on the host
//   request   writes what the auditor is asked to approve             on the host
//   sign      the auditor's answer: the new trust file, signed        anywhere; no TPM, no log
//   key       the verifier key of a signing key                       anywhere
//   finish    takes the signed trust file, removes the ended era's objects (era_finish.h)
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_era(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
