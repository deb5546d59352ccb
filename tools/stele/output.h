// Where a command's bytes go: a file, or standard output, but never binary onto a terminal.
//
// Errors: CommandError 73 (cannot create), 74 (cannot write), 64 (binary onto a terminal).
#pragma once

#include <string>

#include "attest/hash.h"

namespace CLI {
class App;
}

namespace stele::tools {

// path "-": standard output. An existing file is replaced whole or not at all; what is none (a
// device, a FIFO, a link) is written into.
void write_output(const std::string& path, attest::ByteView bytes);
// Adds -o, --output FORMAT; the first format is the default, any other is refused (64).
void add_format(CLI::App& command, std::string& format, const std::vector<std::string>& formats);

}  // namespace stele::tools
