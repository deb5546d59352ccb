// An endorsement key, made from its template and loaded; flushed with the object.
//
// Internal to tpm/. Thread safety: none. Blocks: a second, for an RSA key on some chips ten.
// Errors: TpmError. Trust: an auditor judges it, by its certificate (attest/identity/).
#pragma once

#include "tpm/anchor.h"
#include "tpm/ek_templates.h"
#include "tpm/primary.h"

namespace stele::tpm {

Primary make_endorsement_key(Device& device, const Credentials& credentials,
                             const EkTemplate& known);

}  // namespace stele::tpm
