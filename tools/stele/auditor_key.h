// The auditor's signing key as a command is given it: an Ed25519 key's file, and its name in notes.
//
// Thread safety: none. Errors: CommandError 65 if the file is no such key, 66 if there is none.
// Trust: the auditor's own; never on the host.
#pragma once

#include <string>

#include "attest/note_signer.h"

namespace stele::tools {

attest::NoteSigner read_signer(const std::string& path, const std::string& name);

}  // namespace stele::tools
