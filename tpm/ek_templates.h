// The endorsement keys that the TCG gives templates for: where their certificates lie, and how they
// are made.
//
// Internal to tpm/. Thread safety: pure. See: TCG EK Credential Profile 2.5, 2.2.1.4, B.3, B.4.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <optional>
#include <span>

#include "attest/hash.h"

namespace stele::tpm {

struct EkTemplate {
  TPM2_HANDLE certificate_index;
  TPM2_HANDLE nonce_index;     // 0: none
  TPM2_HANDLE template_index;  // 0: none
  bool is_high;                // of the high range: policy B, an empty unique field
  TPMI_ECC_CURVE curve;        // TPM2_ECC_NONE: RSA 2048
  TPM2B_PUBLIC area() const;
};

std::span<const EkTemplate> ek_templates();  // whose key is made fastest: first
const EkTemplate* find_ek_template(TPM2_HANDLE certificate_index);

// The maker's nonce goes into the unique field, zeros behind it.
void put_nonce(TPM2B_PUBLIC& area, attest::ByteView nonce);
// What TPM2_PolicyOR is to be told for this policy; nothing if it leaves no choice.
std::optional<TPML_DIGEST> policy_choice(const TPM2B_DIGEST& policy);

}  // namespace stele::tpm
