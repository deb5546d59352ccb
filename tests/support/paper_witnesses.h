// Witnesses of a log on paper, their policy and what they signed; and the lines that the log handed
// out.
//
// Thread safety: values. Errors: ENSUREs of what is used.
#pragma once

#include "attest/witness/cosignature.h"
#include "attest/witness/cosigned_heads.h"
#include "attest/witness/pushed.h"
#include "tests/support/paper_log.h"

namespace stele::test {

attest::NoteSigner signer_of(std::uint8_t seed, const std::string& name);

// The log, its key for checkpoints, three witnesses.
struct WitnessedLog {
  PaperLog log = lived();
  attest::NoteSigner key = signer_of(40, log.trust.origin);
  std::vector<attest::NoteSigner> witnesses;

  WitnessedLog();
  attest::TreeHead head(std::uint64_t size) const;
  attest::Note signed_by(const attest::NoteSigner& signer, const std::string& origin,
                         const attest::TreeHead& head) const;
  // The head as the log signed it, with these witnesses' lines (bits).
  attest::Note cosigned(const attest::TreeHead& head, unsigned bits,
                        std::uint64_t time_s = 1'700'000'100) const;
  attest::Note add(attest::Note note, unsigned bits, std::uint64_t time_s = 1'700'000'100) const;
  // "w0", "w1", "w2"; quorum: "any", "all" or a number of them.
  std::string policy(const std::string& quorum, bool lists_log = true) const;
};

std::vector<attest::CosignedHead> heads_of(const std::vector<attest::Note>& notes);

// What a log pushes: each counter anchor with its receipt.
std::vector<attest::PushedAnchor> anchors_of(const PaperLog& log);
std::string line_of(const attest::PushedAnchor& anchor);  // without its LF
std::vector<std::string> lines_of(const PaperLog& log);

}  // namespace stele::test
