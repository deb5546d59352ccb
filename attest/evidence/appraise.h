// EvidenceAppraiser: judges an evidence bundle as its bytes come, by the appraiser's rules.
//
//   EvidenceAppraiser judge(options); judge.feed(bytes) …; judge.report(), judge.memory()
//
// Beyond those rules: every record that one shown names as its source is shown; a log is the one that
// the boot bundle before it names; the bundle is whole. What is not shown is counted in Report::held,
// not judged, and nothing is said of it but that the anchored roots include it. A bundle that begins
// behind a statement is judged only by whoever remembers that very statement.
// Thread safety: one thread. Memory: of a boot bundle both logs (64 MiB each), twice, and
// what is decoded of them; else a part, the bytes of one feed(), the appraiser's own.
// Trust: the bytes are from the host under judgement; a trust file inside counts only if
// auditor_key signed it: one that its owner has not signed is none; one with a signature of his
// that does not verify is trust_signature.
#pragma once

#include <functional>

#include "attest/evidence/decoder.h"

namespace stele::attest {

struct EvidenceOptions : Options {
  // With no trust file given: the one inside, if this key (C2SP verifier key) signed it.
  std::string auditor_key;
};

class EvidenceAppraiser {
 public:
  explicit EvidenceAppraiser(EvidenceOptions options);
  ~EvidenceAppraiser();
  // Before the first feed(). A live answer from elsewhere: the one inside is not looked at.
  void answer(ByteView bytes);
  // Cosigned heads from elsewhere (DIR/cosignatures, or a copy): those inside are not looked at.
  void cosignatures(std::string text);
  // Receipts held off the host: `lines` gives each line without its LF, and its number. Called once
  // the trust is known, which may stand inside.
  using HeldLine = std::function<void(std::string_view line, std::uint64_t number)>;
  void held_receipts(std::function<void(const HeldLine& take)> lines);
  void feed(ByteView bytes);
  std::uint64_t records() const;  // shown so far
  Report report();                // ends the evidence; once
  std::optional<Memory> memory() const;  // after report(), as the appraiser's

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All at once.
struct AppraisedEvidence {
  Report report;
  std::optional<Memory> memory;
};
AppraisedEvidence appraise_evidence(ByteView bytes, EvidenceOptions options);

}  // namespace stele::attest
