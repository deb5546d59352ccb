// `stele append`: events from a file or standard input into the log, through the ingest socket.
//
// Streams: lines go out while acknowledgements come in, thousands in flight. The placement of each
// acknowledged group is printed: "first..next" (indices [first, next)), or a JSON line.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_append(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
