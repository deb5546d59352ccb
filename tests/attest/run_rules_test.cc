// Goal: what is said about runs, resets, clocks and read-backs is true, and alarms only where it
// must. Method: lives of a TPM on paper, each attack beside its benign twin.
#include "attest/run_rules.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::has;
using test::PaperLog;

TEST(RunRules, APowerCutIsAnUncleanEndAndACleanShutdownIsNot) {
  for (const bool clean : {false, true}) {
    PaperLog log;
    log.start();
    log.events(3);
    log.quote();
    log.counter(clean ? kFinalOfShutdown : 0);
    log.boot();
    log.start();
    const Report report = log.appraise();
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
    EXPECT_EQ(has(report, Finding::unclean_end), !clean);
    EXPECT_EQ(report.coverage.unclean_ends, clean ? 0u : 1u);
    EXPECT_EQ(report.coverage.boots, 2u);
  }
}

// Attack 33: quote anchors cut, then the run ended by a final anchor whose receipt is a read-back.
TEST(RunRules, AFinalAnchorThatWasReadBackIsNoCleanEnd) {
  PaperLog log;
  log.start();
  log.open_counter(kFinalOfShutdown);
  log.read_back_open(true);
  log.boot();
  log.start();
  EXPECT_TRUE(has(log.appraise(), Finding::unclean_end));
}

TEST(RunRules, ABareReadBackDoesNotShortenTheExposedWindow) {
  for (const bool bundle_first : {true, false}) {
    PaperLog log;
    log.start();
    const std::uint64_t exposed = log.head().size;
    log.events(2);
    log.open_counter(kFinalOfShutdown);
    log.boot();
    if (bundle_first) log.bundle();
    log.read_back_open(false);
    if (!bundle_first) log.bundle();
    log.counter();
    const std::string text = to_text(log.appraise());
    EXPECT_NE(text.find("records from " + std::to_string(exposed) + " on"), std::string::npos)
        << text;
  }
}

TEST(RunRules, WorkAfterAFinalAnchorMakesTheEndUnclean) {
  PaperLog log;
  log.start();
  log.counter(kFinalOfShutdown);
  log.open_counter();
  log.boot();
  log.bundle();
  log.voided(VoidReason::run_changed);
  log.counter();
  EXPECT_TRUE(has(log.appraise(), Finding::unclean_end));
}

// A daemon that started wrote records: killed before its first anchor and the power cut, they were
// exposed, although the run before ended in order or nothing was anchored yet.
TEST(RunRules, AStartThatNeverAnchoredHasAnUncleanEnd) {
  for (const bool other_run : {false, true}) {
    PaperLog log;
    log.start();
    log.counter(kFinalOfShutdown);
    if (other_run) log.boot();
    log.bundle();
    log.boot();
    log.start();
    const Report report = log.appraise();
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
    EXPECT_EQ(report.coverage.unclean_ends, 1u);
    EXPECT_EQ(report.coverage.boots, 2u);
    EXPECT_EQ(report.coverage.boots_without_log, other_run ? 1u : 0u);
  }
  PaperLog log;
  log.bundle();
  log.boot();
  log.start();
  EXPECT_EQ(log.appraise().coverage.unclean_ends, 1u);
}

TEST(RunRules, AStartThatAnchorsAfterAFinalAnchorInTheSameRunEndsCleanlyAgain) {
  PaperLog log;
  log.start();
  log.counter(kFinalOfShutdown);
  log.start();
  log.counter(kFinalOfShutdown);
  log.boot();
  log.start();
  EXPECT_EQ(log.appraise().coverage.unclean_ends, 0u);
}

// Attack 20: a Restart clears P and counts as a Resume once P was extended to the same value again.
TEST(RunRules, AResumeWithoutAFinalAnchorIsAnUncleanEnd) {
  for (const bool final_anchor : {false, true}) {
    PaperLog log;
    log.start();
    log.quote();
    if (final_anchor) log.counter(kFinalOfShutdown);
    log.tpm.resume();
    log.bundle();
    log.counter();
    const Report report = log.appraise();
    EXPECT_EQ(has(report, Finding::unclean_end), !final_anchor);
    EXPECT_EQ(report.coverage.unclean_ends, final_anchor ? 0u : 1u);
    EXPECT_EQ(report.coverage.boots, 1u);
    EXPECT_EQ(report.conclusion, Conclusion::verified);
  }
}

// Attacks 19 and 20: boots that left no trace, a TPM reset without a boot.
TEST(RunRules, ResetsWithoutTheLogAreCounted) {
  PaperLog log;
  log.start();
  log.counter(kFinalOfShutdown);
  log.boot();
  log.boot();
  log.boot();
  log.start();
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::verified);
  EXPECT_EQ(report.coverage.boots_without_log, 2u);
  EXPECT_EQ(report.coverage.unexplained_resets, 2u);
  EXPECT_TRUE(has(report, Finding::ran_without_log));
  EXPECT_TRUE(has(report, Finding::unexplained_reset));
}

// Whether the verdict tells of restarts before a run, with this many.
bool tells_of_restarts(const Report& report, const std::string& how_many) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const FindingAt& f) {
    return f.finding == Finding::ran_without_log && f.detail.starts_with(how_many + " TPM restart");
  });
}

// Attack 20, earlier: a TPM that was reset and then restarted or resumed before the log ran.
TEST(RunRules, RestartsBetweenAResetAndTheLogAreTold) {
  for (const std::uint32_t times : {0u, 1u, 3u}) {
    for (const bool resumes : {false, true}) {
      PaperLog log;
      log.start();
      log.counter(kFinalOfShutdown);
      log.boot();
      for (std::uint32_t i = 0; i < times; ++i) resumes ? log.tpm.resume() : log.tpm.restart();
      log.start();
      const Report report = log.appraise();
      EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
      EXPECT_EQ(has(report, Finding::ran_without_log), times > 0);
      EXPECT_EQ(tells_of_restarts(report, std::to_string(times)), times > 0) << to_text(report);
      EXPECT_EQ(report.coverage.boots_without_log, 0u);
    }
  }
}

// The counts move by (+1, -3): a Reset zeroes what the resumes counted.
TEST(RunRules, ThreeResumesAndAResetAreNoRestartsBeforeTheLog) {
  for (const bool noticed : {false, true}) {
    PaperLog log;
    log.tpm.restart_base = log.tpm.run.restart;
    log.start();
    for (int i = 0; i < 3; ++i) {
      log.tpm.resume();
      if (noticed) log.start();
    }
    const std::uint32_t before = log.tpm.run.restart;
    log.boot();
    log.start();
    EXPECT_EQ(log.tpm.run.restart, before - 3);
    const Report report = log.appraise();
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
    EXPECT_FALSE(has(report, Finding::ran_without_log)) << to_text(report);
  }
}

// Provisioned after two resumes, the pinned base is two too high, until a reset shows the true one.
TEST(RunRules, ALogProvisionedAfterAResumeFindsItsBaseAtTheFirstReset) {
  PaperLog log;
  log.tpm.restart_base = log.tpm.run.restart - 2;
  log.start();
  log.boot();
  log.start();
  EXPECT_FALSE(has(log.appraise(), Finding::ran_without_log));
  log.boot();
  log.tpm.restart();
  log.start();
  EXPECT_TRUE(tells_of_restarts(log.appraise(), "1")) << to_text(log.appraise());
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified);
}

TEST(RunRules, AResetWithoutABootIsUnexplained) {
  for (const bool booted : {false, true}) {
    PaperLog log;
    log.start();
    log.counter(kFinalOfShutdown);
    log.tpm.reset();
    if (booted) log.boot_id[1] = 9;
    log.start();
    EXPECT_EQ(has(log.appraise(), Finding::unexplained_reset), !booted);
    EXPECT_EQ(log.appraise().coverage.unexplained_resets, booted ? 0u : 1u);
  }
}

TEST(RunRules, AcrossRunsAClockFallsByOneUpdateAtMostSafeOrNot) {
  const auto report = [](bool safe, std::uint64_t fall) {
    PaperLog log;
    log.pass(10'000'000);
    log.start();
    log.boot();
    log.tpm.clock_safe = safe;
    log.tpm.clock_ms -= 1000 + fall;
    log.start();
    return log.appraise();
  };
  for (const bool safe : {false, true}) {
    EXPECT_FALSE(has(report(safe, 60), Fault::clock_went_back));
    EXPECT_EQ(report(safe, 60).conclusion, Conclusion::verified);
    EXPECT_TRUE(has(report(safe, 4'200'060), Fault::clock_went_back));
  }
}

TEST(RunRules, OtherFirmwareIsAFindingNotAFail) {
  PaperLog log;
  log.start();
  log.boot();
  log.tpm.firmware += 1;
  log.start();
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::verified);
  EXPECT_TRUE(has(report, Finding::firmware_differs));
  EXPECT_EQ(
      std::count_if(report.findings.begin(), report.findings.end(),
                    [](const FindingAt& f) { return f.finding == Finding::firmware_differs; }),
      1);
}

// A log whose counter anchors have the receipts that the letters say: f full, r read-back.
Report with_receipts(Mode mode, std::string_view kinds) {
  PaperLog log(mode);
  log.bundle();
  for (const char kind : kinds) {
    if (kind == 'f') {
      log.counter();
    } else {
      log.open_counter();
      log.read_back_open(true);
    }
  }
  return log.appraise();
}

TEST(RunRules, InModeBAReadBackMustBeBuriedUnderTwoExclusiveReceipts) {
  for (const auto kinds : {"f", "ff", "rff", "frff", "rffrff", "rfff"}) {
    EXPECT_EQ(with_receipts(Mode::b, kinds).conclusion, Conclusion::verified) << kinds;
    EXPECT_TRUE(has(with_receipts(Mode::b, kinds), Finding::mode_b));
  }
  // Attack 8: histories that alternate.
  for (const auto kinds : {"r", "fr", "rf", "rr", "rfrf", "rfrff", "rrffff", "ffrfrfffff"}) {
    const Report report = with_receipts(Mode::b, kinds);
    EXPECT_EQ(report.conclusion, Conclusion::undetermined) << kinds;
    EXPECT_EQ(report.completeness, Outcome::unknown) << kinds;
    EXPECT_TRUE(has(report, Fault::read_back_rule));
  }
}

TEST(RunRules, InModeAReadBacksAreFindings) {
  const Report report = with_receipts(Mode::a, "rrfr");
  EXPECT_EQ(report.conclusion, Conclusion::verified);
  EXPECT_TRUE(has(report, Finding::read_back_receipt));
  EXPECT_FALSE(has(report, Finding::mode_b));
}

TEST(RunRules, ARecordedForeignExtendIsUndetermined) {
  PaperLog log;
  log.start();
  log.events(2);
  log.quote();
  EXPECT_EQ(log.appraise().coverage.quote_anchored, 2u);
  log.tpm.extend_pcr(hash(view("foreign")));
  log.remark(RemarkCode::foreign_extend, "P is not the fold");
  log.bundle();
  EXPECT_EQ(log.appraise().coverage.quote_anchored, 0u);
  log.counter();
  log.quote();
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::undetermined);
  EXPECT_EQ(report.completeness, Outcome::unknown);
  EXPECT_TRUE(has(report, Fault::foreign_extend));
  EXPECT_TRUE(has(report, Finding::foreign_extend_recorded));
  EXPECT_TRUE(has(report, Finding::journal_remark));
}

// Attack 29: after a forced reset, quote anchors bind no more until a counter anchor covers them.
TEST(RunRules, QuoteCoverageEndsWithTheLifeOfP) {
  PaperLog log;
  log.start();
  log.events(2);
  log.quote();
  log.boot();
  log.bundle();
  EXPECT_EQ(log.appraise().coverage.quote_anchored, 0u);
  EXPECT_EQ(log.appraise().coverage.unanchored, 2u);
  log.counter();
  EXPECT_EQ(log.appraise().coverage.counter_anchored, 3u);
}

TEST(RunRules, ASimulatorIsNamed) {
  PaperLog log;
  log.trust.tpm_kind = TpmKind::simulator;
  log.start();
  EXPECT_TRUE(has(log.appraise(), Finding::simulator));
}

// Statements far apart: only the number matters to wear.
std::vector<std::string> wear_findings(const TrustFile& trust,
                                       const std::vector<std::uint64_t>& seqs) {
  PaperLog log;
  log.start();
  ReportDraft draft;
  Coverage coverage;
  RunRules rules(trust, draft, coverage);
  for (const std::uint64_t seq : seqs) {
    const Statement statement = log.open_counter();
    const Receipt receipt = log.tpm.full_anchor(statement);
    const auto verified =
        verify_receipt(receipt, log.tpm.identity(), statement_digest(encode(statement)),
                       log.tpm.counter, log.tpm.extend);
    EXPECT_TRUE(verified);
    log.receipt(receipt);
    Statement numbered = statement;
    numbered.seq = seq;
    rules.receipt(numbered, *verified);
  }
  std::vector<std::string> found;
  Report report;
  draft.write(report);
  for (const FindingAt& one : report.findings) {
    if (one.finding == Finding::wear_high) found.push_back(one.detail);
  }
  return found;
}

TEST(RunRules, WearIsToldAtHalfAndAtFourFifthsOfWhatTheTrustFilesTpmStands) {
  TrustFile trust = PaperLog().trust;
  const std::vector<std::uint64_t> seqs = {49'999, 50'000,  50'001,  79'999,  80'000,
                                           80'001, 249'999, 250'000, 400'000, 400'001};
  trust.tpm_kind = TpmKind::discrete;
  auto found = wear_findings(trust, seqs);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[0].find("50000 times, 50 % of the 100000"), std::string::npos) << found[0];
  EXPECT_NE(found[1].find("80000 times, 80 % of the 100000"), std::string::npos) << found[1];
  trust.tpm_manufacturer = "STM";
  trust.tpm_model = "ST33GTPMISPI";
  found = wear_findings(trust, seqs);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[0].find("250000 times, 50 % of the 500000"), std::string::npos) << found[0];
  trust.tpm_kind = TpmKind::simulator;
  EXPECT_TRUE(wear_findings(trust, seqs).empty());
}

}  // namespace
}  // namespace stele::attest
