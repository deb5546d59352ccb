#include "tools/stele/auditor_key.h"

#include <stdexcept>

#include "tools/stele/command.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {

attest::NoteSigner read_signer(const std::string& path, const std::string& name) {
  try {
    return {read_text_file(path), name};
  } catch (const std::invalid_argument& error) {
    throw CommandError(kMalformed, path + ": " + error.what());
  }
}

}  // namespace stele::tools
