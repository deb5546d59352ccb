// A receipt: what the TPM signed about a statement, as stored, and the proof that it was checked.
//
//   magic "STELERCP" · version u16 = 1 · kind u8 · parts u8 (bit 0: audit, bit 1: quote) · d 32
//   [audit] counter u64 · extend 32 · attest sized16 · r 32 · s 32
//   [quote] attest sized16 · r 32 · s 32 · 9 PCR values of 32 bytes: 0-7, then P
//
//   kind 1 full       exclusive audit session {Increment C, Extend E, Read C, Read E}; has both
//   parts kind 2 read-back  exclusive audit session {Read C, Read E}; quote only when made in its
//   statement's run kind 3 quote      quote part only
//
// Audit extraData: kind 1: d; kind 2: H("stele/v1/readback\0" ‖ d). Quote extraData: d.
// The genesis receipt is of kind 2, without quote, for d_0 = H("stele/v1/genesis\0" ‖ genesis).
// Thread safety: pure. Errors: see each function. Trust: from the host under judgement.
// See: tpm/README.md, "Session digest"; TPM 2.0 Library Part 1, 17.2 (audit), Part 3, 18.5.
#pragma once

#include <array>
#include <optional>

#include "attest/attestation.h"
#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

constexpr std::size_t kPcrCount = 9;  // 0-7, then P
using PcrValues = std::array<Hash, kPcrCount>;

// What both sides agree on about the TPM: pinned by the trust file, held by the daemon.
struct TpmIdentity {
  AttestationPublic ak;
  Name counter_name;  // written Names
  Name extend_name;
  std::uint8_t pcr = 0;  // P
};

enum class ReceiptKind : std::uint8_t { full = 1, read_back = 2, quote = 3 };

struct AuditPart {
  std::uint64_t counter = 0;  // C and E as the audited reads returned them
  Hash extend;
  SignedAttestation signed_attestation;
  bool operator==(const AuditPart&) const = default;
};
struct QuotePart {
  SignedAttestation signed_attestation;
  PcrValues pcrs;
  bool operator==(const QuotePart&) const = default;
};
struct Receipt {
  ReceiptKind kind = ReceiptKind::full;
  Hash digest;  // d
  std::optional<AuditPart> audit;
  std::optional<QuotePart> quote;
  bool operator==(const Receipt&) const = default;
};
Bytes encode(const Receipt& receipt);
Result<Receipt> decode_receipt(ByteView bytes);  // parts must fit the kind, else value_out_of_range
void append_audit(Bytes& out, const AuditPart& part);
void append_quote(Bytes& out, const QuotePart& part);
AuditPart read_audit(class Reader& reader);
QuotePart read_quote(class Reader& reader);

// The digest of the two audit sessions, recomputed from Names and parameters.
Hash full_session_digest(const TpmIdentity&, const Hash& digest, std::uint64_t counter,
                         const Hash& extend);
Hash read_session_digest(const TpmIdentity&, std::uint64_t counter, const Hash& extend);

Hash genesis_digest(ByteView genesis);  // d_0
Hash read_back_extra_data(const Hash& digest);

// Checks of a signed part: signature, magic, type, qualified signer, extraData, and
// audit: exclusive bit and session digest; quote: exactly one selection {SHA-256, 3 bytes, 0-7 and
// P} and the stored values' digest. On success the parsed attestation (views into the part). Order:
// structure, signer, signature, type, extraData, then what is particular to the type.
Result<Attestation> verify_audit(const AuditPart&, const TpmIdentity&, const Hash& session_digest,
                                 const Hash& extra_data);
Result<Attestation> verify_quote(const QuotePart&, const TpmIdentity&, const Hash& extra_data);
// The same for a quote over any PCRs: `selected` are their numbers' bits, `values` ascending.
Result<Attestation> verify_quote(const SignedAttestation&, const AttestationPublic&,
                                 std::uint32_t selected, ByteView values, const Hash& extra_data);

// A receipt that verified: only verify_receipt() makes one, holding it is the proof.
class VerifiedReceipt {
 public:
  ReceiptKind kind() const { return kind_; }
  Run run() const { return run_; }  // of the audit part, or of a quote receipt's quote
  std::uint64_t clock_ms() const { return clock_ms_; }
  std::uint64_t firmware() const { return firmware_; }
  bool has_quote() const { return pcr_.has_value(); }
  const Hash& pcr() const { return *pcr_; }  // P as quoted
  Run quote_run() const { return quote_run_; }
  // H(GSAD attest ‖ r ‖ s); zero for a quote receipt.
  const Hash& receipt_hash() const { return receipt_hash_; }

 private:
  friend Result<VerifiedReceipt> verify_receipt(const Receipt&, const TpmIdentity&, const Hash&,
                                                std::uint64_t, const Hash&);
  VerifiedReceipt() = default;
  ReceiptKind kind_{};
  Run run_{}, quote_run_{};
  std::uint64_t clock_ms_ = 0;
  std::uint64_t firmware_ = 0;
  std::optional<Hash> pcr_;
  Hash receipt_hash_;
};

// Judges a receipt for the statement with this d, as a stranger would: every signature, the
// counter and E it must show (statement.counter and extended(prev_extend, d); for a quote statement
// ignored), session digest, exclusiveness, extraData, PCR selection. It does not judge the run
// rules nor P: the anchor chain does. A full receipt's quote may be left out here (proof.h);
// decode_receipt demands it of a stored one. Faults: receipt_unexpected (another d),
// signature_invalid, signer_mismatch, attest_malformed, receipt_not_exclusive, receipt_digest,
// receipt_extra_data, pcr_selection, pcr_digest, counter_mismatch, extend_mismatch.
Result<VerifiedReceipt> verify_receipt(const Receipt& receipt, const TpmIdentity& identity,
                                       const Hash& digest, std::uint64_t counter,
                                       const Hash& extend);

}  // namespace stele::attest
