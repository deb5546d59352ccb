// LiveAnswer: a host's answer to this verifier's nonce, judged against the statement it answers
// for.
//
// Thread safety: one thread. Errors: judge(): freshness defects, signer_mismatch, or
// pcr_selection.
// Trust: the answer's bytes come from the host under judgement.
#pragma once

#include <optional>

#include "attest/anchor_chain.h"
#include "attest/answer.h"

namespace stele::attest {

class LiveAnswer {
 public:
  explicit LiveAnswer(Answer answer) : answer_(std::move(answer)) {}
  // The chain after it took a receipt: kept if it is the one that the answer names.
  void anchored(const AnchorChain& chain, std::uint64_t clock_ms);
  const Hash& log_id() const { return answer_.log_id; }
  // Whether the answer is for this nonce and agrees with the log.
  Result<void> judge(const Hash& nonce, const AnchorChain& chain) const;

 private:
  // What the log says that the TPM must show.
  struct Expected {
    Statement statement;
    std::uint64_t counter = 0;
    Hash extend;
    Hash fold;
    std::uint64_t clock_ms = 0;
  };
  Result<void> judge_values(const Attestation& audit, const Attestation& quote) const;
  Answer answer_;
  std::optional<Expected> expected_;
};

}  // namespace stele::attest
