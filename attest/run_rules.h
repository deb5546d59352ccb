// RunRules: what the appraiser says about runs: boots, unclean ends, resets, clock, firmware,
// read-backs.
//
// Rules 5, 6, 8 of README.md, "Rules of the appraiser", and the Mode B rule on read-backs.
// Coverage, findings and a few defects; the order of statements was judged by the chain before.
// Thread safety: one thread.
#pragma once

#include <optional>

#include "attest/anchor_chain.h"
#include "attest/report_draft.h"
#include "attest/trust.h"

namespace stele::attest {

class RunRules {
 public:
  RunRules(const TrustPins& trust, ReportDraft& draft, Coverage& coverage)
      : trust_(trust), draft_(draft), coverage_(coverage), restart_base_(trust.base_restart) {}

  void genesis_receipt(const VerifiedReceipt& receipt);
  // In place of it: goes on behind a statement remembered. (A memory is of a verified log: no
  // read-back in it waits to be buried.)
  void resume(const Memory& memory);
  void bundle(const AnchorChain::Applied& applied, bool had_open_intent);
  void receipt(const Statement& statement, const VerifiedReceipt& receipt);
  void kept(const Statement& statement);
  // Whether P's life, if it ended now, would end with a final anchor.
  bool ends_cleanly() const { return life_ends_cleanly_; }
  // At the end of the evidence: a read-back that is not yet buried.
  void end();

 private:
  void attested(const Run& run, std::uint64_t clock_ms, std::uint64_t firmware, Place at);
  void first_of_run(const Statement& statement);
  void restarts_since_reset(const Statement& statement);
  void wear_rule(std::uint64_t seq);
  void read_back_rule(const Statement& statement, ReceiptKind kind);

  const TrustPins& trust_;
  ReportDraft& draft_;
  Coverage& coverage_;

  // The newest attestation.
  std::optional<Run> run_;
  std::uint64_t clock_ms_ = 0;
  std::uint64_t firmware_ = 0;
  // The newest boot bundle.
  std::optional<std::array<std::uint8_t, 16>> boot_id_;
  Run boot_run_;
  bool run_resumed_ = false;
  Run statement_run_;  // of the newest statement, or of the genesis receipt
  // What is signed as restart count when a Reset has zeroed it, as far as is known: the pinned one,
  // or a lower one seen since.
  std::uint32_t restart_base_;
  // The life of P since it was last cleared: a boot bundle begins it.
  bool life_begun_ = false;
  bool life_ends_cleanly_ = false;
  Place counter_place_ = Place::anchor(0);  // newest counter anchor
  // The newest one before which no quote anchor can have been cut untold, and the size it covers.
  Place whole_place_ = Place::anchor(0);
  std::uint64_t whole_size_ = 0;
  // Mode B.
  std::optional<std::uint64_t> read_back_;  // seq of a read-back not yet buried
  unsigned exclusive_since_ = 0;
};

}  // namespace stele::attest
