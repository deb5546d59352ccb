#include "attest/time_rules.h"

#include <algorithm>
#include <limits>

namespace stele::attest {
namespace {

__extension__ typedef __int128 Wide;  // holds differences of any two times

constexpr Wide kMs = 1'000'000;
constexpr Wide kSecond = 1'000'000'000;

std::string seconds(Wide ns) {
  return std::to_string(static_cast<std::int64_t>(ns / kSecond)) + " s";
}

}  // namespace

void TimeRules::Block::add(const Block& later) {
  clock_step = clock_step || later.clock_step;
  disk_full = disk_full || later.disk_full;
  if (later.empty) return;
  if (empty) {
    const bool step = clock_step, full = disk_full;
    *this = later;
    clock_step = step;
    disk_full = full;
    return;
  }
  if (later.earliest_ns < earliest_ns) {
    earliest_ns = later.earliest_ns;
    earliest_index = later.earliest_index;
  }
  if (later.latest_ns > latest_ns) {
    latest_ns = later.latest_ns;
    latest_index = later.latest_index;
  }
}

void TimeRules::record(std::uint64_t index, const CheckedRecord& record) {
  const std::int64_t ns = record.leaf.time_ns;
  since_.add({false, index, ns, ns, ns, index, index, record.clock_step,
              record.disk_full_since_ns.has_value()});
  if (!record.disk_full_since_ns) return;
  // Full again before the queue was empty: one pause.
  const bool same = full_disk_ && *record.disk_full_since_ns <= full_disk_->until_ns;
  full_disk_ = {same ? full_disk_->since_ns : *record.disk_full_since_ns, ns};
}

void TimeRules::resume(const Memory& memory) {
  anchor_ = Anchor{memory.wallclock_ns, memory.clock_ms, memory.clock_run,
                   (memory.state & Memory::kFinal) != 0};
  if (memory.quote_seq == 0) counter_ = anchor_;
}

void TimeRules::intent() {
  open_.add(since_);
  since_ = {};
  intent_open_ = true;
  interrupted_ = false;
}

void TimeRules::bundle(bool new_run, bool had_open_intent) {
  new_run_ = new_run_ || new_run;
  delayed_ = delayed_ || had_open_intent;
  interrupted_ = interrupted_ || had_open_intent;
}

void TimeRules::remark(const Remark& remark) {
  if (remark.code == RemarkCode::pause || remark.code == RemarkCode::contended) {
    paused_ = paused_since_counter_ = true;
    interrupted_ = intent_open_;
  }
  if (late_ns_) exposed(*late_ns_, remark.time_ns);
  late_ns_.reset();
  if (!open_.empty) exposed(open_.first_ns, remark.time_ns);
}

void TimeRules::exposed(std::int64_t first_ns, std::int64_t until_ns) {
  const Wide waited = std::max<Wide>(Wide(until_ns) - first_ns, 0);
  coverage_.longest_exposure_s =
      std::max(coverage_.longest_exposure_s, static_cast<std::uint64_t>(waited / kSecond));
}

void TimeRules::quotes_lost() {
  if (quoted_since_) lost_since_ = quoted_since_;
  quoted_since_.reset();
}

std::optional<std::int64_t> TimeRules::unanchored_since() const {
  if (lost_since_) return lost_since_;
  if (!open_.empty) return open_.first_ns;
  if (!since_.empty) return since_.first_ns;
  return std::nullopt;
}

void TimeRules::receipt(const Statement& statement, const VerifiedReceipt& receipt) {
  // A statement tells when it was made, not when its receipt was; a later date bounds that.
  if (late_ns_) exposed(*late_ns_, statement.wallclock_ns);
  late_ns_.reset();
  if (interrupted_ && !open_.empty) late_ns_ = open_.first_ns;
  stepped_since_counter_ = stepped_since_counter_ || open_.clock_step;
  judge_block(statement);
  judge_waiting(statement);
  judge_clock(statement, receipt);
  const Anchor anchor{statement.wallclock_ns, receipt.clock_ms(), receipt.run(),
                      (statement.flags & kFinalOfShutdown) != 0};
  if (!statement.is_quote()) {
    judge_heartbeat(statement, receipt);
    counter_ = anchor;
    paused_since_counter_ = stepped_since_counter_ = false;
    quoted_since_.reset();
  } else if (!quoted_since_ && !open_.empty) {
    quoted_since_ = open_.first_ns;
  }
  lost_since_.reset();  // a statement covers all records before it
  anchor_ = anchor;
  open_ = {};
  // What came while this receipt was late waited through the same outage.
  if (!interrupted_) new_run_ = paused_ = false;
  delayed_ = intent_open_ = interrupted_ = false;
}

// The open block is of records that a full disk kept out of the block before.
bool TimeRules::waited_for_the_disk() const {
  const Wide slack = Wide(trust_.slack_ms) * kMs;
  return full_disk_ && open_.earliest_ns >= full_disk_->since_ns - slack &&
         anchor_->wall_ns <= full_disk_->until_ns + slack;
}

void TimeRules::judge_block(const Statement& statement) {
  if (open_.empty || open_.clock_step) return;
  const Wide wall = statement.wallclock_ns;
  const Wide slack = Wide(trust_.slack_ms) * kMs;
  const bool early = anchor_ && open_.earliest_ns < anchor_->wall_ns - slack;
  if (early && !waited_for_the_disk()) {
    draft_.finding(Finding::back_dated, Place::index(open_.earliest_index),
                   "dated " + seconds(anchor_->wall_ns - Wide(open_.earliest_ns)) +
                       " before the anchor that precedes it");
  }
  if (open_.latest_ns > wall + slack) {
    draft_.finding(Finding::back_dated, Place::index(open_.latest_index),
                   "dated " + seconds(open_.latest_ns - wall) + " after the anchor that covers it");
  }
}

// How long records waited cannot be told across a step of the clock that would tell it.
void TimeRules::judge_waiting(const Statement& statement) {
  if (open_.empty || open_.clock_step) return;
  // A record cannot have waited since before the anchor that precedes it.
  const Wide since =
      anchor_ ? std::max<Wide>(open_.first_ns, anchor_->wall_ns) : Wide(open_.first_ns);
  const Wide waited = std::max<Wide>(Wide(statement.wallclock_ns) - since, 0);
  exposed(static_cast<std::int64_t>(since), statement.wallclock_ns);
  const Wide allowed =
      Wide(trust_.quote_interval_ms) * trust_.max_quote_gap * kMs + Wide(trust_.slack_ms) * kMs;
  if (waited > allowed && !new_run_ && !paused_ && !open_.disk_full) {
    draft_.finding(Finding::quote_gap, Place::index(open_.first_index),
                   "records waited " + seconds(waited) + " for an anchor, more than " +
                       std::to_string(trust_.max_quote_gap) + " quote intervals");
  }
}

void TimeRules::judge_clock(const Statement& statement, const VerifiedReceipt& receipt) {
  if (!anchor_ || open_.clock_step) return;
  const Place at = Place::anchor(statement.seq);
  const Wide wall = Wide(statement.wallclock_ns) - anchor_->wall_ns;
  if (wall < 0) {
    draft_.finding(Finding::clock_inconsistent, at,
                   "its wall clock is " + seconds(-wall) + " before the anchor before");
    return;
  }
  // A receipt that came late says nothing about when its statement was made.
  const bool late = delayed_ || paused_ || receipt.kind() == ReceiptKind::read_back;
  if (late || receipt.run() != anchor_->run) return;
  const Wide clock = (Wide(receipt.clock_ms()) - Wide(anchor_->clock_ms)) * kMs;
  if (wall < clock * 85 / 100 - Wide(trust_.slack_ms) * kMs) {
    draft_.finding(Finding::clock_inconsistent, at,
                   "since the anchor before, the TPM counted " + seconds(clock) +
                       ", the wall clock " + seconds(wall));
  }
}

// By the wall clock, or, where that stepped, by the TPM's, which may run 15 % fast.
void TimeRules::judge_heartbeat(const Statement& statement, const VerifiedReceipt& receipt) {
  if (!counter_ || counter_->is_final || paused_since_counter_ || counter_->run != statement.run)
    return;
  Wide gap = Wide(statement.wallclock_ns) - counter_->wall_ns;
  if (stepped_since_counter_) {
    gap = (Wide(receipt.clock_ms()) - Wide(counter_->clock_ms)) * kMs * 85 / 100;
  }
  if (gap > Wide(trust_.heartbeat_s) * kSecond + Wide(trust_.slack_ms) * kMs) {
    draft_.finding(Finding::heartbeat_stale, Place::anchor(statement.seq),
                   seconds(gap) + " since the counter anchor before");
  }
}

}  // namespace stele::attest
