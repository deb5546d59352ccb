// A signed half: a statement with the receipt that the TPM gave for it. Two that cannot both belong
// to one honest log are the proof that it is none.
//
//   file   statement 256 · receipt (attest/statement.h, attest/receipt.h)
//
// Thread safety: values. Errors: decode_signed_half: those of its two parts, receipt_unexpected.
// Trust: from the host under judgement, until verify_half() has accepted it.
#pragma once

#include <optional>
#include <vector>

#include "attest/evidence/decoder.h"
#include "attest/receipt.h"
#include "attest/statement.h"
#include "attest/trust.h"

namespace stele::tools {

struct SignedHalf {
  attest::Bytes statement_bytes;
  attest::Statement statement;
  attest::Receipt receipt;
  attest::Hash digest() const { return attest::statement_digest(statement_bytes); }
};
attest::Bytes encode(const SignedHalf& half);
attest::Result<SignedHalf> decode_signed_half(attest::ByteView bytes);

// The pinned TPM signed it. Nothing in `trust` for its log: genesis_mismatch.
attest::Result<void> verify_half(const SignedHalf& half, const attest::TrustFile& trust);
// The keys that the trust file pins for a log; nothing: it pins none.
std::optional<attest::TpmIdentity> identity_for(const attest::TrustFile& trust,
                                                const attest::Hash& log_id);
// One number, two statements: of a log and its counter anchor, or of a run's quote anchor.
bool have_one_number(const attest::Statement& one, const attest::Statement& other);

// Picks the halves out of an evidence bundle as it passes by, or out of a journal, whatever it is
// worth.
class HalfCollector {
 public:
  // known: the halves that the auditor keeps; then rival() is one with the number of
  // contradicted(), which is among them, and another d.
  explicit HalfCollector(std::vector<SignedHalf> known) : known_(std::move(known)) {}
  void feed(attest::ByteView bytes);
  void take(std::uint8_t kind, attest::ByteView payload);  // a journal's next entry, in its stead
  const std::optional<SignedHalf>& newest() const { return newest_; }
  const std::optional<SignedHalf>& newest_counter() const { return newest_counter_; }
  const std::optional<SignedHalf>& rival() const { return rival_; }
  const std::optional<SignedHalf>& contradicted() const { return contradicted_; }
  const attest::Bytes& answer() const { return answer_; }  // as in the bundle; empty: none

 private:
  std::vector<SignedHalf> known_;
  std::optional<SignedHalf> newest_, newest_counter_, rival_, contradicted_;
  attest::EvidenceDecoder decoder_;
  attest::Bytes open_;  // the statement that waits for its receipt
  attest::Bytes answer_;
};

}  // namespace stele::tools
