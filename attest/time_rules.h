// TimeRules: what wall clocks say: dates of records between their anchors, clock against clock,
// gaps.
//
// Rule 7 of README.md, "Rules of the appraiser". Findings and coverage only: no wall clock is ever
// proof. What is recorded explains what it lies in: clock step, full disk and slow commit (sealed
// notes), pause (a remark). None of these explains more than it bounds: what a late receipt leaves
// open is asked again at the next that comes in time, a slow commit is told as a finding of its own.
// Thread safety: one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "attest/anchor_chain.h"
#include "attest/appraiser.h"
#include "attest/entry.h"
#include "attest/report_draft.h"
#include "attest/trust.h"

namespace stele::attest {

class TimeRules {
 public:
  // No slow commit explains a date that lies further before an anchor: the daemon's queue drains
  // in minutes on the slowest of disks, and a write that takes longer is one that hangs.
  static constexpr std::int64_t kLongestCommitS = 600;

  TimeRules(const TrustPins& trust, ReportDraft& draft, Coverage& coverage)
      : trust_(trust), draft_(draft), coverage_(coverage) {}

  void record(std::uint64_t index, const CheckedRecord& record);
  // The next records are not shown: a clock step or a full disk may be noted among them.
  void elided() { since_.clock_step = true; }
  void resume(const Memory& memory);  // goes on behind a statement remembered
  void intent();  // the records so far are this statement's
  void receipt(const Statement& statement, const VerifiedReceipt& receipt);
  void bundle(bool new_run, bool had_open_intent);
  void remark(const Remark& remark);
  // What quote anchors alone covered is covered no more: their P was cleared or taken over.
  void quotes_lost();
  void end();  // nothing more comes: what no sealed note has explained is not explained
  // The time of the first record that no receipt covers.
  std::optional<std::int64_t> unanchored_since() const;

 private:
  // What a note says that something lasted, by the wall clock.
  struct Span {
    std::int64_t since_ns = 0, until_ns = 0;
  };
  // Records that one statement adds to the one before.
  struct Block {
    bool empty = true;
    std::uint64_t first_index = 0;
    std::int64_t first_ns = 0;
    std::int64_t earliest_ns = 0, latest_ns = 0;
    std::uint64_t earliest_index = 0, latest_index = 0;
    bool clock_step = false;
    bool disk_full = false;
    std::optional<Span> slow_commit;  // from the first begin to the last end of those noted
    void add(const Block& later);
    void note_slow_commit(const Span& span);
  };
  struct Anchor {
    std::int64_t wall_ns = 0;
    std::uint64_t clock_ms = 0;
    Run run;
    bool is_final = false;
  };
  // A record dated before the anchor that precedes its block, the earliest of it.
  struct Early {
    std::uint64_t index = 0;
    std::int64_t ns = 0;
    std::int64_t anchor_ns = 0;   // the date of that anchor
    std::int64_t covered_ns = 0;  // and of the one that covers it
  };
  void judge_block(const Statement& statement);
  bool waited_for_the_disk() const;
  bool explains(const std::optional<Span>& slow_commit, const Early& early) const;
  void settle_early(const std::optional<Span>& slow_commit);
  // Coverage: the record of first_ns had no anchor before until_ns.
  void exposed(std::int64_t first_ns, std::int64_t until_ns);
  void judge_clock(std::uint64_t seq, const Anchor& anchor, bool late);
  bool stands_still(const Anchor& since, const Anchor& anchor) const;
  void judge_waiting(const Statement& statement);
  void judge_heartbeat(const Statement& statement, const VerifiedReceipt& receipt);

  const TrustPins& trust_;
  ReportDraft& draft_;
  Coverage& coverage_;
  Block open_;                     // of the open statement, and of voided ones before it
  Block since_;                    // after it
  std::optional<Anchor> anchor_;   // newest with a receipt
  std::optional<Anchor> counter_;  // newest counter anchor
  // The newest whose receipt came in time, or behind which nothing can be compared any more.
  std::optional<Anchor> timely_;
  std::optional<Early> early_;  // of the newest block, where the note of the next may explain it
  // The time of the first record that quote anchors alone cover; that they alone covered.
  std::optional<std::int64_t> quoted_since_, lost_since_;
  // Since the newest anchor:
  bool new_run_ = false;
  bool paused_ = false;
  bool delayed_ = false;  // a daemon start while its intent was open: the receipt came late
  bool paused_since_counter_ = false;
  bool intent_open_ = false;
  bool interrupted_ = false;       // since that intent: by a pause or a daemon start
  std::optional<Span> full_disk_;  // newest: records waited in memory, dated when received
  // First record of the newest anchor if its receipt came late: exposed until what is dated next.
  std::optional<std::int64_t> late_ns_;
  bool stepped_since_counter_ = false;
};

}  // namespace stele::attest
