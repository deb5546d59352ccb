// Goal: how long records were without an anchor, and a daemon without a heartbeat, is found and told,
// and what is recorded explains it. Method: logs on paper that wait; each with the benign twin.
#include "attest/time_rules.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/attest/started_log.h"

namespace stele::attest {
namespace {

using test::found;
using test::kHourMs;
using test::kYearMs;
using test::PaperLog;
using test::started;

TEST(TimeRules, AcrossAStepTheTpmsClockTellsWhetherTheHeartbeatIsStale) {
  for (const bool stale : {false, true}) {
    PaperLog log = started();
    log.now_ns -= kYearMs * 1'000'000;
    log.record(Kind::note, "{\"note\":\"clock_step\",\"by_ns\":-1}");
    log.quote();
    log.pass(stale ? 2 * kHourMs : kHourMs);
    log.counter();
    EXPECT_EQ(found(log, Finding::heartbeat_stale), stale);
  }
}

TEST(TimeRules, RecordsThatWaitTooLongForAnAnchorAreAGap) {
  PaperLog log = started();
  log.events(1);
  log.pass(14'000);
  log.quote();
  EXPECT_FALSE(found(log, Finding::quote_gap));
  log.events(1);
  log.pass(16'000);
  log.quote();
  EXPECT_TRUE(found(log, Finding::quote_gap));
  EXPECT_EQ(log.appraise().coverage.longest_exposure_s, 16u);
}

// The statement was made at once, its receipt an hour later: all that time records were exposed.
TEST(TimeRules, ALateReceiptEndsAnExposureNotItsStatement) {
  PaperLog killed = started();
  killed.events(1);
  const Statement at_kill = killed.open_counter();
  killed.pass(kHourMs);
  killed.bundle();
  killed.receipt(killed.tpm.full_anchor(at_kill));
  killed.counter();
  EXPECT_EQ(killed.appraise().coverage.longest_exposure_s, 3600u);
  PaperLog busy = started();
  busy.events(1);
  const Statement at_pause = busy.open_counter();
  busy.pass(10'000);
  busy.remark(RemarkCode::pause);
  EXPECT_EQ(busy.appraise().coverage.longest_exposure_s, 10u);
  busy.pass(20'000);
  busy.receipt(busy.tpm.full_anchor(at_pause));
  busy.remark(RemarkCode::resumed);
  busy.pass(kHourMs);  // in silence
  busy.counter();
  EXPECT_EQ(busy.appraise().coverage.longest_exposure_s, 30u);
}

// The TPM was away between two anchors, then nothing happened for an hour.
TEST(TimeRules, APauseWithoutAnIntentDelaysNoReceipt) {
  PaperLog log = started();
  log.events(1);
  log.remark(RemarkCode::pause);
  log.pass(20'000);
  log.remark(RemarkCode::resumed);
  log.quote();
  log.pass(kHourMs);
  log.counter();
  EXPECT_EQ(log.appraise().coverage.longest_exposure_s, 20u);
}

// The intent's receipt and the records behind it waited through one outage, whatever the run.
TEST(TimeRules, APauseExplainsWhatCameBehindTheOpenIntentToo) {
  for (const bool power_cut : {false, true}) {
    PaperLog log = started();
    const Statement statement = log.open_counter();
    log.remark(RemarkCode::pause);
    log.events(1);
    log.pass(60'000);
    if (power_cut) {
      log.boot();
      log.bundle();
      log.voided(VoidReason::run_changed);
    } else {
      log.receipt(log.tpm.full_anchor(statement));
    }
    log.remark(RemarkCode::resumed);
    log.counter();
    EXPECT_FALSE(found(log, Finding::quote_gap));
    log.events(1);
    log.pass(60'000);
    log.counter();
    EXPECT_TRUE(found(log, Finding::quote_gap)) << "a pause explains no later gap";
  }
}

TEST(TimeRules, SilenceIsNoGap) {
  PaperLog log = started();
  log.pass(60'000);
  log.events(1);
  log.quote();
  EXPECT_FALSE(found(log, Finding::quote_gap));
}

TEST(TimeRules, ARecordedPauseExplainsAGap) {
  PaperLog log = started();
  log.events(1);
  log.remark(RemarkCode::pause, "the TPM does not answer");
  log.pass(60'000);
  log.remark(RemarkCode::resumed);
  log.quote();
  EXPECT_FALSE(found(log, Finding::quote_gap));
}

// The daemon's note about a full disk stands behind the records that waited, in the same block.
TEST(TimeRules, ASealedNoteAboutAFullDiskExplainsAGap) {
  for (const std::string_view note : {"disk_full", "shutdown"}) {
    PaperLog log = started();
    log.events(1);
    log.pass(60'000);
    log.record(Kind::note, "{\"note\":\"" + std::string(note) + "\",\"since_ns\":1}");
    log.quote();
    EXPECT_EQ(found(log, Finding::quote_gap), note != "disk_full");
    EXPECT_EQ(log.appraise().coverage.longest_exposure_s, 60u);
  }
}

// Attack 19: the daemon was dead for hours in a run that went on.
TEST(TimeRules, AStaleHeartbeatIsFound) {
  PaperLog log = started();
  log.pass(2 * kHourMs);
  log.bundle();
  log.counter();
  EXPECT_TRUE(found(log, Finding::heartbeat_stale));
}

TEST(TimeRules, AShutdownOrAnotherRunExplainsAMissingHeartbeat) {
  PaperLog clean = started();
  clean.counter(kFinalOfShutdown);
  clean.pass(2 * kHourMs);
  clean.bundle();
  clean.counter();
  EXPECT_FALSE(found(clean, Finding::heartbeat_stale));
  PaperLog off = started();
  off.pass(2 * kHourMs);
  off.boot();
  off.start();
  EXPECT_FALSE(found(off, Finding::heartbeat_stale));
  EXPECT_FALSE(found(off, Finding::quote_gap));
}

// Found by a simulated history: the time was missing, or that of a later record.
TEST(TimeRules, WhatAClearedPcrAloneCoveredIsUnanchoredSinceItsFirstRecord) {
  PaperLog log = started();
  log.counter();
  log.events(3);
  const std::int64_t first_ns = log.now_ns - 200'000'000;  // events are 100 ms apart
  log.quote();
  EXPECT_EQ(log.appraise().coverage.unanchored_since_ns, std::nullopt);
  log.boot();
  log.bundle();
  Report report = log.appraise();
  EXPECT_EQ(report.coverage.unanchored, 3u);
  EXPECT_EQ(report.coverage.unanchored_since_ns, first_ns);
  log.events(2);  // later ones do not hide the first
  EXPECT_EQ(log.appraise().coverage.unanchored_since_ns, first_ns);
  log.counter();
  EXPECT_EQ(log.appraise().coverage.unanchored_since_ns, std::nullopt);
}

}  // namespace
}  // namespace stele::attest
