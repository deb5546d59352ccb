// `stele era begin`: ends the newest era of a log and begins the next, on this TPM or another one.
//
// May be interrupted anywhere and run again; the store is touched last. Without --yes it only
// shows.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_era_begin(CLI::App& era, const Common& common, int& exit_code);

}  // namespace stele::tools
