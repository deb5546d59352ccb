// The auditor's secrets of Mode A, as files: read back in plain text, or sealed to the auditor's
// certificate.
//
// Thread safety: none. Errors: CommandError 66 (no such file), 65 (not what it must be), 73.
// Trust: the operator names these files; what is wrong in them shows when the TPM refuses it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "attest/escrow.h"

namespace stele::tools {

using Secret = std::array<std::uint8_t, 32>;

// 64 hex digits and at most a newline.
Secret read_secret(const std::string& path);
// The JSON that decrypting an escrow file gives.
attest::Escrow read_plain_escrow(const std::string& path);
// 73 if the path may not be written. may_replace: an escrow file of an earlier attempt may be;
// anything else at the path is left alone.
void require_escrow_place(const std::string& path, bool may_replace);
// What the file will hold: the secrets, sealed to the auditor's certificate.
std::string seal_escrow(const attest::Escrow& escrow, const std::string& certificate_pem);

}  // namespace stele::tools
