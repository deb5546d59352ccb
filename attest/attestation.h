// TPMS_ATTEST as the TPM signs it: parsed, its signature checked; the only TPM structures judged
// here.
//
// Covers what the anchors use: quote (0x8018) and session audit digest (0x801C is TPM_ST_ATTEST_NV,
// 0x8016 TPM_ST_ATTEST_SESSION_AUDIT); any other type is refused with attest_malformed by the
// verify_ functions of receipt.h, but parses (type and common fields) so that foreign vectors can
// be read. Thread safety: pure. Errors: attest_malformed, trailing_bytes, signature_invalid,
// signer_mismatch. Trust: attest bytes and signatures come from the host under judgement; the key
// from the trust file. See: TPM 2.0 Library Part 2, 10.12 (TPMS_ATTEST), 10.6 (PCR
// selections), 12.2 (TPMT_PUBLIC).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "attest/hash.h"
#include "attest/result.h"
#include "attest/statement.h"

namespace stele::attest {

constexpr std::uint32_t kTpmGenerated = 0xff544347;
constexpr std::uint16_t kAttestSessionAudit = 0x8016;
constexpr std::uint16_t kAttestQuote = 0x8018;

// A TPM Name with SHA-256: 000B ‖ H(public area).
using Name = std::array<std::uint8_t, 34>;
Name make_name(ByteView public_area);

struct PcrSelection {
  std::uint16_t algorithm = 0;
  Bytes bitmap;
  bool operator==(const PcrSelection&) const = default;
};

struct Attestation {
  std::uint16_t type = 0;
  ByteView qualified_signer;  // views into the parsed bytes
  ByteView extra_data;
  std::uint64_t clock_ms = 0;
  Run run;
  bool clock_safe = false;
  std::uint64_t firmware = 0;
  // type kAttestQuote
  std::vector<PcrSelection> selections;
  ByteView pcr_digest;
  // type kAttestSessionAudit
  bool exclusive = false;
  ByteView session_digest;
};
// For types other than the two above, the body is left unread.
Result<Attestation> parse_attestation(ByteView bytes);

// What the TPM returned: the marshalled TPMS_ATTEST and its ECDSA signature, padded left.
struct SignedAttestation {
  Bytes attest;  // at most kMaxAttestBytes
  std::array<std::uint8_t, 32> r{};
  std::array<std::uint8_t, 32> s{};
  bool operator==(const SignedAttestation&) const = default;
  bool empty() const { return attest.empty(); }
};
constexpr std::size_t kMaxAttestBytes = 512;
// attest sized16 · r 32 · s 32. Reading more than kMaxAttestBytes fails the reader.
void append_signed(Bytes& out, const SignedAttestation& signed_attestation);
SignedAttestation read_signed(class Reader& reader);
// H(attest ‖ r ‖ s): what the next counter anchor's statement names as prev_receipt.
Hash receipt_hash(const SignedAttestation& audit);

// An attestation key's public half: TPMT_PUBLIC, ECC P-256, ready to verify.
// Both signatures (r, s) and (r, n - s) verify: TPMs do not normalise s.
// attributes must be exactly restricted | sign | fixedTPM | fixedParent | sensitiveDataOrigin |
// userWithAuth | noDA, scheme ECDSA-SHA256, else ak_unfit.
class AttestationPublic {
 public:
  static Result<AttestationPublic> parse(ByteView tpmt_public);
  const Bytes& encoded() const { return encoded_; }
  const Name& name() const { return name_; }
  // 000B ‖ H(40000001 ‖ Name): the qualified name of a primary in the owner hierarchy.
  const Name& qualified_name() const { return qualified_name_; }
  std::string pem() const;  // SubjectPublicKeyInfo, for openssl and tpm2-tools
  Bytes signature_der(const SignedAttestation&) const;
  Result<void> verify(const SignedAttestation& signed_attestation) const;  // the signature alone

 private:
  AttestationPublic() = default;
  Bytes encoded_;
  Name name_{};
  Name qualified_name_{};
  std::shared_ptr<void> key_;  // EVP_PKEY
};

}  // namespace stele::attest
