// The public areas of AK, C and E, as provisioning asks the TPM for them, and the Names that
// follow.
//
// Internal to tpm/. Thread safety: pure. See: README.md, "Objects"; TPM 2.0 Library Part
// 2, 12.2.4, 13.5.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "attest/attestation.h"
#include "attest/hash.h"

namespace stele::tpm {

// A restricted ECDSA P-256 signing key. unique enters the derivation: every log has a key of its
// own, and the same salt gives the same key again (resuming needs no state but the genesis).
TPM2B_PUBLIC ak_template(const attest::Hash& unique);

// written: with TPMA_NV_WRITTEN, as the index's public area reads from its first write on.
TPM2B_NV_PUBLIC counter_public(TPM2_HANDLE handle, bool written);
TPM2B_NV_PUBLIC extend_public(TPM2_HANDLE handle, bool written);

attest::Name name_of(const TPM2B_NV_PUBLIC& area);

}  // namespace stele::tpm
