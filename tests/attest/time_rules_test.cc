// Goal: wall clocks yield findings, never verdicts, and what is recorded explains what it lies in.
// Method: logs on paper whose clocks are bent; each with the benign twin. How long records waited:
// time_rules_exposure_test.cc.
#include "attest/time_rules.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/attest/started_log.h"

namespace stele::attest {
namespace {

using test::found;
using test::kHourMs;
using test::kYearMs;
using test::PaperLog;
using test::started;

TEST(TimeRules, AnHonestLogHasNoFinding) {
  PaperLog log = started();
  log.events(20);
  log.counter();
  EXPECT_EQ(log.appraise().finding_count, 0u) << to_text(log.appraise());
}

// Attack 24.
TEST(TimeRules, RecordsOutsideTheirTwoAnchorsAreBackDated) {
  PaperLog log = started();
  log.now_ns -= kHourMs * 1'000'000;
  log.events(3);
  log.now_ns += kHourMs * 1'000'000;
  log.quote();
  EXPECT_TRUE(found(log, Finding::back_dated));
  PaperLog ahead = started();
  ahead.now_ns += kHourMs * 1'000'000;
  ahead.events(1);
  ahead.now_ns -= kHourMs * 1'000'000;
  ahead.quote();
  EXPECT_TRUE(found(ahead, Finding::back_dated));
}

TEST(TimeRules, ASealedClockStepIsNoFinding) {
  PaperLog log = started();
  log.now_ns -= kHourMs * 1'000'000;
  log.record(Kind::note, "{\"note\":\"clock_step\",\"by_ns\":-3600000000000}");
  log.events(3);
  log.quote();
  EXPECT_FALSE(found(log, Finding::back_dated));
  EXPECT_FALSE(found(log, Finding::clock_inconsistent));
}

TEST(TimeRules, AStepOfYearsThatIsSealedIsNoFindingAndNoExposure) {
  for (const std::int64_t years : {-10, 10}) {
    PaperLog log = started();
    log.now_ns += years * kYearMs * 1'000'000;
    log.record(Kind::note, "{\"note\":\"clock_step\",\"by_ns\":1}");
    log.events(3);
    log.quote();
    log.events(3);
    log.counter();
    const Report report = log.appraise();
    EXPECT_EQ(report.finding_count, 0u) << years << to_text(report);
    EXPECT_LT(report.coverage.longest_exposure_s, 60u) << years;
  }
}

// The attack beside it: a note explains its own block, not the next one.
TEST(TimeRules, BackDatingAfterASealedStepIsStillFound) {
  PaperLog log = started();
  log.record(Kind::note, "{\"note\":\"clock_step\",\"by_ns\":1}");
  log.quote();
  log.now_ns -= kHourMs * 1'000'000;
  log.events(1);
  log.now_ns += kHourMs * 1'000'000;
  log.quote();
  EXPECT_TRUE(found(log, Finding::back_dated));
}

TEST(TimeRules, AWallClockThatFallsIsInconsistent) {
  PaperLog log = started();
  log.now_ns -= kHourMs * 1'000'000;
  log.quote();
  EXPECT_TRUE(found(log, Finding::clock_inconsistent));
}

TEST(TimeRules, AWallClockThatStandsWhileTheTpmCountsIsInconsistent) {
  PaperLog log = started();
  log.tpm.clock_ms += 60'000;
  log.quote();
  EXPECT_TRUE(found(log, Finding::clock_inconsistent));
  PaperLog drifting = started();  // a TPM clock may run 15 % fast
  drifting.pass(60'000);
  drifting.tpm.clock_ms += 9'000;
  drifting.quote();
  EXPECT_FALSE(found(drifting, Finding::clock_inconsistent));
  PaperLog fast = started();  // one-sided: the wall may run ahead
  fast.now_ns += kHourMs * 1'000'000;
  fast.quote();
  EXPECT_FALSE(found(fast, Finding::clock_inconsistent));
}

// The statement was made before the daemon died, its receipt an hour later.
TEST(TimeRules, AReceiptThatCameLateIsNotInconsistent) {
  PaperLog log = started();
  const Statement statement = log.open_counter();
  log.pass(kHourMs);
  log.bundle();
  log.receipt(log.tpm.full_anchor(statement));
  log.counter();
  EXPECT_FALSE(found(log, Finding::clock_inconsistent));
}

// A statement that waited for the disk: its date, so much later its receipt, and what the daemon says.
struct Waited {
  std::int64_t wall_ms = 0, tpm_ms = 0;  // that went by in between
  bool remarked = true;
};
void quote_that_waited(PaperLog& log, const Waited& waited) {
  log.events(1);
  const Statement statement = log.open_quote();
  log.now_ns += waited.wall_ms * 1'000'000;
  log.tpm.clock_ms += static_cast<std::uint64_t>(waited.tpm_ms);
  if (waited.remarked) log.remark(RemarkCode::pause, "a statement waited");
  log.receipt(log.tpm.quote_receipt(statement_digest(encode(statement))));
  if (waited.remarked) log.remark(RemarkCode::resumed);
}

TEST(TimeRules, AStatementThatWaitedForItsReceiptIsExplainedByARemarkBesideIt) {
  for (const bool remarked : {false, true}) {
    PaperLog log = started();
    quote_that_waited(log, {60'000, 60'000, remarked});
    EXPECT_EQ(found(log, Finding::clock_inconsistent), !remarked);
    EXPECT_EQ(found(log, Finding::journal_remark), remarked) << "no explanation without a finding";
    for (int i = 0; i < 3; ++i) quote_that_waited(log, {60'000, 60'000, remarked});
    log.quote();
    EXPECT_EQ(found(log, Finding::clock_inconsistent), !remarked);
  }
}

// The attack beside it: root holds the wall clock back, so that what it writes is dated early, and
// writes the remark itself. The next receipt that comes in time tells.
TEST(TimeRules, ARemarkHidesNoWallClockThatStaysBehind) {
  for (const int anchors : {1, 3}) {
    PaperLog log = started();
    for (int i = 0; i < anchors; ++i) quote_that_waited(log, {0, 60'000});
    EXPECT_FALSE(found(log, Finding::clock_inconsistent)) << "so far it may have waited";
    EXPECT_TRUE(found(log, Finding::journal_remark));
    // For so long, at least, the TPM saw no receipt: the figure that no wall clock lowers.
    EXPECT_GE(log.appraise().coverage.longest_exposure_s, 50u * static_cast<unsigned>(anchors));
    log.quote();
    EXPECT_TRUE(found(log, Finding::clock_inconsistent));
  }
}

// Root puts the clock right again: what is left open is how young the records are, and the verdict
// says between which bounds.
TEST(TimeRules, WhatARemarkLeavesOpenIsAFigureOfTheVerdict) {
  PaperLog log = started();
  quote_that_waited(log, {0, kHourMs});
  log.now_ns += kHourMs * 1'000'000;
  log.quote();
  EXPECT_FALSE(found(log, Finding::clock_inconsistent));
  EXPECT_TRUE(found(log, Finding::journal_remark));
  EXPECT_GE(log.appraise().coverage.longest_exposure_s, 3059u);  // an hour less 15 %
}

TEST(TimeRules, APauseThatIsOverBeforeAnIntentExplainsNoClock) {
  PaperLog log = started();
  log.remark(RemarkCode::pause);
  log.remark(RemarkCode::resumed);
  log.tpm.clock_ms += 60'000;
  log.quote();
  EXPECT_TRUE(found(log, Finding::clock_inconsistent));
}

// Nor does a remark at one anchor make room for the next: it is compared with that one too.
TEST(TimeRules, BehindALateReceiptTheNextOneIsComparedWithIt) {
  PaperLog log = started();
  log.pass(kHourMs);
  quote_that_waited(log, {0, 0});
  log.tpm.clock_ms += 60'000;  // within the 15 % of an hour, far outside those of a minute
  log.quote();
  EXPECT_TRUE(found(log, Finding::clock_inconsistent));
}

// Received while the disk was full, written behind an anchor that was made since.
TEST(TimeRules, RecordsThatWaitedForAFullDiskAreNotBackDated) {
  for (const std::int64_t earlier_s : {0, 10}) {
    PaperLog log = started();
    const std::int64_t full_since = log.now_ns;
    log.pass(60'000);
    log.record(Kind::note, "{\"note\":\"disk_full\",\"since_ns\":" + std::to_string(full_since) +
                               ",\"until_ns\":" + std::to_string(log.now_ns) + "}");
    log.quote();
    const std::int64_t now = log.now_ns;
    log.now_ns = full_since - earlier_s * 1'000'000'000;
    log.events(1);
    log.now_ns = now + 1'000'000;
    log.quote();
    EXPECT_EQ(found(log, Finding::back_dated), earlier_s > 5);
    log.pass(10'000);
    log.quote();
    log.now_ns = full_since;
    log.events(1);  // long after the pause it explains nothing
    log.now_ns = now + 20'000'000'000;
    log.quote();
    EXPECT_TRUE(found(log, Finding::back_dated));
  }
}

// An anchor was made eight seconds after these events had come, and before they were durable.
constexpr std::int64_t kSecondNs = 1'000'000'000;
std::string slow_commit(std::int64_t since_ns, std::int64_t until_ns) {
  return "{\"note\":\"slow_commit\",\"since_ns\":" + std::to_string(since_ns) +
         ",\"until_ns\":" + std::to_string(until_ns) + "}";
}
struct SlowGroup {
  explicit SlowGroup(std::int64_t waited_s = 8) : log(started()), came_ns(log.now_ns) {
    log.pass(1000 * waited_s);
    log.quote();
    passed_ns = log.now_ns;
    log.now_ns = came_ns;
    log.record(Kind::event, "came long ago");
    log.now_ns = passed_ns + kSecondNs;
    log.tpm.clock_ms += 1000;
  }
  void note(std::int64_t since_ns) { log.record(Kind::note, slow_commit(since_ns, log.now_ns)); }
  void expect(bool explained) {
    EXPECT_EQ(found(log, Finding::slow_commit), explained);
    EXPECT_EQ(found(log, Finding::back_dated), !explained);
  }
  PaperLog log;
  std::int64_t came_ns = 0, passed_ns = 0;
};

TEST(TimeRules, ASlowCommitIsAFindingOfItsOwnAndNoBackDating) {
  SlowGroup in_one_block;
  in_one_block.note(in_one_block.came_ns);
  in_one_block.log.quote();
  in_one_block.expect(true);
  EXPECT_EQ(in_one_block.log.appraise().coverage.longest_exposure_s, 9u);
  SlowGroup parted;  // by an anchor over the group and not over its note
  parted.log.quote();
  parted.log.counter();  // over nothing new
  parted.note(parted.came_ns);
  parted.expect(false);  // not sealed so far
  parted.log.quote();
  parted.expect(true);
}

// Attack 24 with a note: root writes both. It must be as old as it says, about this very anchor, in
// its place, and no more than minutes; and then it is a finding all the same.
TEST(TimeRules, ANoteOfASlowCommitExplainsNothingElse) {
  SlowGroup without;
  without.log.quote();
  without.expect(false);
  SlowGroup younger;
  younger.note(younger.came_ns + 1);
  younger.log.quote();
  younger.expect(false);
  SlowGroup too_late;  // a note of the block behind the next
  too_late.log.quote();
  too_late.log.events(1);
  too_late.log.quote();
  too_late.note(too_late.came_ns);
  too_late.log.quote();
  too_late.expect(false);
  SlowGroup over_before;  // durable, as it says, six seconds before that anchor
  const std::int64_t now = over_before.log.now_ns;
  over_before.log.now_ns = over_before.passed_ns - 6 * kSecondNs;
  over_before.note(over_before.came_ns);
  over_before.log.now_ns = now;
  over_before.log.quote();
  over_before.expect(false);
  for (const std::int64_t minutes : {9, 11}) {
    SlowGroup long_ago(60 * minutes);
    long_ago.note(long_ago.came_ns);
    long_ago.log.quote();
    long_ago.expect(minutes < TimeRules::kLongestCommitS / 60);
  }
}

TEST(TimeRules, AnEventThatReadsLikeANoteIsNone) {
  SlowGroup log;
  log.log.record(Kind::event, slow_commit(log.came_ns, log.log.now_ns));
  log.log.quote();
  log.expect(false);
}

TEST(TimeRules, TimesAtTheEndsOfTheirRangeDoNotOverflow) {
  PaperLog log = started();
  for (const std::int64_t ns : {std::numeric_limits<std::int64_t>::min(),
                                std::numeric_limits<std::int64_t>::max(), std::int64_t{0}}) {
    log.now_ns = ns;
    log.record(Kind::event, "x");
    log.receipt(log.tpm.full_anchor(log.open_counter()));
  }
  EXPECT_TRUE(found(log, Finding::clock_inconsistent));
}



}  // namespace
}  // namespace stele::attest
