// `stele query`: records by time, source and range of indices.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_query(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
