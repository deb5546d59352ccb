#include "attest/time_rules.h"

#include <algorithm>
#include <limits>

namespace stele::attest {
namespace {

__extension__ typedef __int128 Wide;  // holds differences of any two times

constexpr Wide kMs = 1'000'000;
constexpr Wide kSecond = 1'000'000'000;

// For figures that are compared with times of 64 bits.
std::int64_t within_range(Wide ns) {
  constexpr Wide kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(ns, kLeast, kMost));
}

std::string seconds(Wide ns) {
  return std::to_string(static_cast<std::int64_t>(ns / kSecond)) + " s";
}

}  // namespace

void TimeRules::Block::note_slow_commit(const Span& span) {
  if (!slow_commit) slow_commit = span;
  slow_commit->since_ns = std::min(slow_commit->since_ns, span.since_ns);
  slow_commit->until_ns = std::max(slow_commit->until_ns, span.until_ns);
}

void TimeRules::Block::add(const Block& later) {
  clock_step = clock_step || later.clock_step;
  disk_full = disk_full || later.disk_full;
  if (later.slow_commit) note_slow_commit(*later.slow_commit);
  if (later.empty) return;
  if (empty) {
    const Block noted = *this;
    *this = later;
    clock_step = noted.clock_step;
    disk_full = noted.disk_full;
    slow_commit = noted.slow_commit;
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
              record.disk_full_since_ns.has_value(), std::nullopt});
  if (record.slow_commit_since_ns) since_.note_slow_commit({*record.slow_commit_since_ns, ns});
  if (!record.disk_full_since_ns) return;
  // Full again before the queue was empty: one pause.
  const bool same = full_disk_ && *record.disk_full_since_ns <= full_disk_->until_ns;
  full_disk_ = Span{same ? full_disk_->since_ns : *record.disk_full_since_ns, ns};
}

void TimeRules::resume(const Memory& memory) {
  anchor_ = Anchor{memory.wallclock_ns, memory.clock_ms, memory.clock_run,
                   (memory.state & Memory::kFinal) != 0};
  timely_ = anchor_;
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
  if (!open_.empty) settle_early(open_.slow_commit);
  judge_block(statement);
  judge_waiting(statement);
  const Anchor anchor{statement.wallclock_ns, receipt.clock_ms(), receipt.run(),
                      (statement.flags & kFinalOfShutdown) != 0};
  // A pause before its intent delayed the statement, not the receipt.
  const bool late = delayed_ || interrupted_ || receipt.kind() == ReceiptKind::read_back;
  judge_clock(statement.seq, anchor, late);
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
    early_ = Early{open_.earliest_index, open_.earliest_ns, anchor_->wall_ns,
                   statement.wallclock_ns};
    if (explains(open_.slow_commit, *early_)) settle_early(open_.slow_commit);
  }
  if (open_.latest_ns > wall + slack) {
    draft_.finding(Finding::back_dated, Place::index(open_.latest_index),
                   "dated " + seconds(open_.latest_ns - wall) + " after the anchor that covers it");
  }
}

// The anchor before was made while the records noted were on their way to the disk, and none is
// older than the oldest of them. How long is bounded, whatever the note says.
bool TimeRules::explains(const std::optional<Span>& slow_commit, const Early& early) const {
  const Wide slack = Wide(trust_.slack_ms) * kMs;
  return slow_commit && slow_commit->since_ns <= early.ns &&
         early.anchor_ns <= slow_commit->until_ns + slack &&
         Wide(early.anchor_ns) - early.ns <= kLongestCommitS * kSecond;
}

// A group is known to have been slow when it is durable: its note begins the next one, and an
// anchor may part the two. So the next block's note may still explain this one; no later one may.
void TimeRules::settle_early(const std::optional<Span>& slow_commit) {
  if (!early_) return;
  const Early early = *early_;
  early_.reset();
  const std::string before = "dated " + seconds(Wide(early.anchor_ns) - early.ns) +
                             " before the anchor that precedes it";
  if (!explains(slow_commit, early)) {
    draft_.finding(Finding::back_dated, Place::index(early.index), before);
    return;
  }
  exposed(early.ns, early.covered_ns);
  draft_.finding(Finding::slow_commit, Place::index(early.index),
                 before + "; a sealed note says that it waited so long to become durable");
}

void TimeRules::end() {
  settle_early(std::nullopt);
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

// Whether the wall clock fell behind the TPM's, which may run 15 % fast.
bool TimeRules::stands_still(const Anchor& since, const Anchor& anchor) const {
  const Wide clock = (Wide(anchor.clock_ms) - Wide(since.clock_ms)) * kMs;
  const Wide wall = Wide(anchor.wall_ns) - since.wall_ns;
  return wall < clock * 85 / 100 - Wide(trust_.slack_ms) * kMs;
}

// A receipt that came late says nothing about when its statement was made: that is asked again of
// the next that comes in time, over all that went by since the newest that did. Until then the
// figure of exposure says for how long the TPM saw no receipt of these records.
void TimeRules::judge_clock(std::uint64_t seq, const Anchor& anchor, bool late) {
  const bool compared = anchor_ && !open_.clock_step;
  if (compared && anchor.wall_ns < anchor_->wall_ns) {
    draft_.finding(Finding::clock_inconsistent, Place::anchor(seq),
                   "its wall clock is " + seconds(Wide(anchor_->wall_ns) - anchor.wall_ns) +
                       " before the anchor before");
  } else if (compared && timely_ && anchor.run == timely_->run) {
    if (late) {
      const Wide counted = (Wide(anchor.clock_ms) - Wide(timely_->clock_ms)) * kMs * 85 / 100;
      if (!open_.empty) exposed(open_.first_ns, within_range(timely_->wall_ns + counted));
      return;
    }
    const bool at_once = anchor_->run == anchor.run && stands_still(*anchor_, anchor);
    if (at_once || stands_still(*timely_, anchor)) {
      const Anchor& since = at_once ? *anchor_ : *timely_;
      draft_.finding(Finding::clock_inconsistent, Place::anchor(seq),
                     std::string(at_once ? "since the anchor before"
                                         : "since the newest before it that came in time") +
                         ", the TPM counted " +
                         seconds((Wide(anchor.clock_ms) - Wide(since.clock_ms)) * kMs) +
                         ", the wall clock " + seconds(Wide(anchor.wall_ns) - since.wall_ns));
    }
  }
  timely_ = anchor;
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
