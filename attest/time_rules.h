// TimeRules: what wall clocks say: dates of records between their anchors, clock against clock,
// gaps.
//
// Rule 7 of README.md, "Rules of the appraiser". Findings and coverage only: no wall clock is ever
// proof. What is recorded explains what it lies in: clock step and full disk (sealed notes), pause
// (a remark).
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
  // The time of the first record that no receipt covers.
  std::optional<std::int64_t> unanchored_since() const;

 private:
  // Records that one statement adds to the one before.
  struct Block {
    bool empty = true;
    std::uint64_t first_index = 0;
    std::int64_t first_ns = 0;
    std::int64_t earliest_ns = 0, latest_ns = 0;
    std::uint64_t earliest_index = 0, latest_index = 0;
    bool clock_step = false;
    bool disk_full = false;
    void add(const Block& later);
  };
  struct Anchor {
    std::int64_t wall_ns = 0;
    std::uint64_t clock_ms = 0;
    Run run;
    bool is_final = false;
  };
  // While the disk was full, records waited in memory, dated when they were received.
  struct FullDisk {
    std::int64_t since_ns = 0, until_ns = 0;
  };
  void judge_block(const Statement& statement);
  bool waited_for_the_disk() const;
  // Coverage: the record of first_ns had no anchor before until_ns.
  void exposed(std::int64_t first_ns, std::int64_t until_ns);
  void judge_clock(const Statement& statement, const VerifiedReceipt& receipt);
  void judge_waiting(const Statement& statement);
  void judge_heartbeat(const Statement& statement, const VerifiedReceipt& receipt);

  const TrustPins& trust_;
  ReportDraft& draft_;
  Coverage& coverage_;
  Block open_;                     // of the open statement, and of voided ones before it
  Block since_;                    // after it
  std::optional<Anchor> anchor_;   // newest with a receipt
  std::optional<Anchor> counter_;  // newest counter anchor
  // The time of the first record that quote anchors alone cover; that they alone covered.
  std::optional<std::int64_t> quoted_since_, lost_since_;
  // Since the newest anchor:
  bool new_run_ = false;
  bool paused_ = false;
  bool delayed_ = false;  // a daemon start while its intent was open: the receipt came late
  bool paused_since_counter_ = false;
  bool intent_open_ = false;
  bool interrupted_ = false;           // since that intent: by a pause or a daemon start
  std::optional<FullDisk> full_disk_;  // newest
  // First record of the newest anchor if its receipt came late: exposed until what is dated next.
  std::optional<std::int64_t> late_ns_;
  bool stepped_since_counter_ = false;
};

}  // namespace stele::attest
