// Escrow: the authValues that lock a TPM in Mode A, as JSON, encrypted so that only the auditor can
// read them.
//
//   {"schema":"stele.escrow/1","origin":TEXT,"log_id":HEX,"ak_name":HEX,"owner_auth":HEX,"lockout_auth":HEX}
//
// Encrypted as CMS EnvelopedData, AES-256-CBC, to the X.509 certificate of an RSA (OAEP) or EC key;
// PEM. The auditor reads it with `openssl cms -decrypt -inform PEM -in FILE -inkey key.pem`. Thread
// safety: pure but for OpenSSL's randomness. Errors: std::invalid_argument if the certificate is
// none, or its key cannot encrypt; std::runtime_error if OpenSSL fails. Trust: the certificate is
// the operator's word for who the auditor is. See: RFC 5652, section 6; tpm/README.md, "Escrow".
#pragma once

#include <string>
#include <string_view>

#include "attest/attestation.h"
#include "attest/hash.h"

namespace stele::attest {

struct Escrow {
  std::string origin;
  Hash log_id;
  Name ak_name{};
  std::array<std::uint8_t, 32> owner_auth{};
  std::array<std::uint8_t, 32> lockout_auth{};
};

std::string to_json(const Escrow& escrow);
// PEM. The plain text is wiped from memory that this function used.
std::string encrypt_escrow(const Escrow& escrow, std::string_view certificate_pem);

}  // namespace stele::attest
