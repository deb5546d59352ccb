// `stele show`: one record, for a person, as JSON, or its bytes exactly as they came.
#pragma once

#include "tools/stele/command.h"

namespace stele::tools {

void add_show(CLI::App& app, const Common& common, int& exit_code);

}  // namespace stele::tools
