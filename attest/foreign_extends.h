// ForeignExtends: what the appraiser says about extends of P by somebody else, and which of them the
// auditor has acknowledged.
//
// Rule 10 of README.md, "Rules of the appraiser". A window begins at the newest anchor before whose
// receipt shows P, and ends with the counter anchor that bears foreign-extend: what only quote
// anchors held between them may have been cut before that anchor was made, and not since, for its d
// commits to all statements before it. So a d acknowledges what was recorded before its intent, and
// nothing that is recorded later: not while its receipt was still to come, either.
// Memory: bounded; windows listed: kMaxListed. Thread safety: one thread.
#pragma once

#include <set>

#include "attest/anchor_chain.h"
#include "attest/report_draft.h"

namespace stele::attest {

class ForeignExtends {
 public:
  ForeignExtends(const TrustPins& trust, ReportDraft& draft, Report& report)
      : trust_(trust), draft_(draft), report_(report) {}

  // Goes on behind a statement remembered: earlier anchors are not compared.
  void resume(const Memory& memory);
  void bundle(const AnchorChain::Applied& applied, bool had_open_intent);
  void receipt(const Statement& statement, const VerifiedReceipt& receipt, const Hash& digest);
  void voided() { intent_closed(); }
  // The era's end. `whole`: what is there of its journal was read to its end.
  void end(bool whole);

 private:
  // Where a window begins.
  struct Opened {
    Place at = Place::anchor(0);  // the newest counter anchor
    ForeignWindow::Begin begin;
  };
  void intent_closed();
  void settle(const Statement& statement, const Hash& digest, bool acknowledged);
  void report_window(const Opened& opened, const std::optional<ForeignWindow::End>& end,
                     bool acknowledged);
  bool judge_acknowledged(const Statement& statement, const Hash& digest);

  const TrustPins& trust_;
  ReportDraft& draft_;
  Report& report_;
  Opened now_;                     // where a window would begin
  std::optional<Opened> unsettled_;   // recorded before the open intent, if there is one
  std::optional<Opened> behind_open_;  // recorded since that intent
  std::uint64_t begins_behind_ = 0;    // seq remembered
  std::set<std::uint64_t> compared_;   // seq of acknowledged anchors that are there, or contradicted
};

}  // namespace stele::attest
