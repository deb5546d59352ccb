#include "attest/foreign_extends.h"

#include <algorithm>

#include "attest/rfc3339.h"

namespace stele::attest {
namespace {

std::string anchor_name(std::uint64_t seq, std::uint64_t quote_seq, std::int64_t wallclock_ns) {
  std::string out = "anchor " + std::to_string(seq);
  if (quote_seq > 0) out += " (quote " + std::to_string(quote_seq) + ")";
  // Of the genesis receipt no time is stated.
  return wallclock_ns == 0 ? out : out + " of " + to_rfc3339(wallclock_ns);
}

std::string window_words(const ForeignWindow& window) {
  const ForeignWindow::Begin& begin = window.begin;
  std::string out = "between " + anchor_name(begin.seq, begin.quote_seq, begin.wallclock_ns);
  if (!window.end) return out + " and the next counter anchor";
  return out + " and " + anchor_name(window.end->seq, 0, window.end->wallclock_ns);
}

}  // namespace

void ForeignExtends::resume(const Memory& memory) {
  begins_behind_ = memory.seq;
  now_ = {Place::anchor(memory.seq),
          {memory.seq, memory.quote_seq, memory.tree.size, memory.wallclock_ns}};
}

void ForeignExtends::bundle(const AnchorChain::Applied& applied, bool had_open_intent) {
  if (!applied.foreign) return;
  draft_.finding(Finding::foreign_extend_recorded, now_.at, "the daemon recorded it");
  std::optional<Opened>& where = had_open_intent ? behind_open_ : unsettled_;
  if (!where) where = now_;
}

void ForeignExtends::receipt(const Statement& statement, const VerifiedReceipt& receipt,
                             const Hash& digest) {
  if (!statement.is_quote()) {
    const bool acknowledged = judge_acknowledged(statement, digest);
    if ((statement.flags & kForeignExtend) != 0) settle(statement, digest, acknowledged);
    now_.at = Place::anchor(statement.seq);
  }
  if (receipt.has_quote()) {
    now_.begin = {statement.seq, statement.quote_seq, statement.tree.size, statement.wallclock_ns};
  }
  intent_closed();
}

// What came while an intent was open is before the next one.
void ForeignExtends::intent_closed() {
  if (!unsettled_) unsettled_ = behind_open_;
  behind_open_.reset();
}

// Whether the trust file names this very anchor, and may.
bool ForeignExtends::judge_acknowledged(const Statement& statement, const Hash& digest) {
  const auto line = std::find_if(
      trust_.acknowledged.begin(), trust_.acknowledged.end(),
      [&](const AcknowledgedExtend& one) { return one.seq == statement.seq; });
  if (line == trust_.acknowledged.end()) return false;
  compared_.insert(line->seq);
  const bool flagged = (statement.flags & kForeignExtend) != 0;
  if (line->digest == digest && flagged) return true;
  draft_.defect({Fault::acknowledgement_unmatched, Place::anchor(statement.seq),
                 line->digest == digest
                     ? "the trust file acknowledges a foreign extend at this anchor, which records "
                       "none"
                     : "the trust file acknowledges another anchor in this place"});
  return false;
}

void ForeignExtends::settle(const Statement& statement, const Hash& digest, bool acknowledged) {
  if (!unsettled_) return;
  report_window(*unsettled_,
                ForeignWindow::End{statement.seq, digest, statement.tree.size,
                                   statement.wallclock_ns},
                acknowledged);
  unsettled_.reset();
}

void ForeignExtends::report_window(const Opened& opened,
                                   const std::optional<ForeignWindow::End>& end,
                                   bool acknowledged) {
  const ForeignWindow window{trust_.era, opened.begin, end, acknowledged};
  if (acknowledged) {
    ++report_.acknowledged_extends;
    draft_.finding(Finding::foreign_extend_acknowledged, Place::anchor(end->seq),
                   "the auditor acknowledged that P was extended by somebody else: quote anchors, "
                   "and records that only they held, may have been cut " +
                       window_words(window));
  } else {
    draft_.defect({Fault::foreign_extend, opened.at,
                   "P was extended by somebody else: quote anchors, and records that only they "
                   "held, may have been cut " +
                       window_words(window)});
  }
  if (report_.foreign_windows.size() < kMaxListed) report_.foreign_windows.push_back(window);
}

void ForeignExtends::end(bool whole) {
  for (const auto* open : {&unsettled_, &behind_open_}) {
    if (*open) report_window(**open, std::nullopt, false);
  }
  if (!whole) return;
  for (const AcknowledgedExtend& one : trust_.acknowledged) {
    if (one.seq <= begins_behind_ || compared_.contains(one.seq)) continue;
    draft_.defect({Fault::acknowledgement_unmatched, Place::anchor(one.seq),
                   "the trust file acknowledges a foreign extend at this anchor, which is not in "
                   "what is presented"});
  }
}

}  // namespace stele::attest
