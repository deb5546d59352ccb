// What a TPM holds of its maker: EK certificates, and the endorsement keys they vouch for, made
// from their templates.
//
// Thread safety: none. Blocks: each call; making an RSA key takes a slow chip seconds. Nothing in
// the TPM is changed: keys and sessions are flushed. Errors: TpmError.
// Trust: none of this is believed here; an auditor judges it (attest/identity/).
// See: TCG EK Credential Profile 2.5, 2.2.1.4 (NV indexes), B.3, B.4; README.md, "Enrolment".
#pragma once

#include <optional>
#include <string>

#include "attest/identity/enrolment.h"
#include "tpm/anchor.h"

namespace stele::tpm {

// The certificates and the maker's intermediates, as they lie in NV indexes that anybody may read,
// and the key of the certificate asked for (0: of the one whose key is made fastest, of those that
// the TPM makes). Another index than those found: `certificate` 0 and no key.
attest::EndorsementEvidence read_endorsement(Device&, const Credentials&,
                                             std::uint32_t certificate);

// TPM2_ActivateCredential with our AK and the key of that certificate.
struct Activation {
  std::optional<attest::Bytes> secret;
  std::string refusal;  // if none: the credential is for another AK, key or TPM, or is none
};
Activation activate_credential(Device&, const Credentials&, std::uint32_t certificate,
                               const attest::Credential&);

}  // namespace stele::tpm
