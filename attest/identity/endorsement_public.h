// EndorsementPublic: an endorsement key's public area, of a template of the TCG and none other.
//
// Only such a key decrypts nothing but what MakeCredential made, and never leaves its TPM:
//   low range (RSA 2048, P-256)  fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy,
//                                restricted, decrypt; PolicyA
//   high range (RSA 2048, P-256, P-384)  the same and userWithAuth; PolicyB
// name algorithm and AES key as the template says, no scheme, no KDF.
// Thread safety: a value. Errors: parse: ek_unfit. Trust: the area comes from the host under
// judgement; whose key it is, only a certificate says (ek_certificate.h).
// See: TCG EK Credential Profile 2.5, B.3 and B.4; README.md, "Enrolment".
#pragma once

#include "attest/identity/public_key.h"

namespace stele::attest {

class EndorsementPublic {
 public:
  static Result<EndorsementPublic> parse(ByteView tpmt_public);
  const Bytes& encoded() const { return encoded_; }
  const PublicKey& key() const { return key_; }
  boot::Algorithm name_algorithm() const { return name_algorithm_; }
  std::size_t symmetric_bits() const { return symmetric_bits_; }  // AES, CFB

 private:
  explicit EndorsementPublic(PublicKey key) : key_(std::move(key)) {}
  Bytes encoded_;
  PublicKey key_;
  boot::Algorithm name_algorithm_{};
  std::size_t symmetric_bits_ = 0;
};

}  // namespace stele::attest
