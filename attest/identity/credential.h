// MakeCredential: a secret that only the TPM with this endorsement key gives back, and only if the
// key of this Name is in it too.
//
//   seed        → RSA: OAEP(EK, "IDENTITY"); ECC: KDFe of a one-pass Diffie-Hellman
//   encrypted   = AES-CFB(KDFa(seed, "STORAGE", Name), IV 0, sized16 secret)
//   id_object   = sized16 HMAC(KDFa(seed, "INTEGRITY"), encrypted ‖ Name) ‖ encrypted
//
// Hash: the EK's name algorithm. Thread safety: pure: randomness is passed in.
// Errors: OpenSSL failing throws std::runtime_error. See: TPM 2.0 Library Part 1, 24 and B.10.4,
// C.7.4; Part 3, 12.5 (TPM2_ActivateCredential) and 12.6.
#pragma once

#include "attest/attestation.h"
#include "attest/identity/endorsement_public.h"

namespace stele::attest {

// What TPM2_ActivateCredential takes: the insides of TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET.
struct Credential {
  Bytes id_object;
  Bytes encrypted_secret;
  bool operator==(const Credential&) const = default;
};

// Fresh for each credential: the seed and the OAEP's salt, or the ephemeral key.
constexpr std::size_t kCredentialRandomBytes = 128;
using CredentialRandom = std::array<std::uint8_t, kCredentialRandomBytes>;

// Precondition: the secret is no longer than the digest of the EK's name algorithm.
Credential make_credential(const EndorsementPublic& ek, const Name& name, ByteView secret,
                           const CredentialRandom& random);

// The seed, and how it travels; label "IDENTITY" for credentials.
struct SentSeed {
  Bytes seed;
  Bytes encrypted;
};
SentSeed send_seed(const PublicKey& key, boot::Algorithm algorithm, std::string_view label,
                   const CredentialRandom& random);

}  // namespace stele::attest
