// Goal: a foreign extend is unknown until the auditor's trust file names its anchor; then a finding,
// that window alone; nothing that root does afterwards hides behind the same line, and a line that
// fits no such anchor helps nothing and is said.
// Method: logs on paper whose P somebody else extends, at the moments where that matters, judged with
// and without the lines that their own windows, as reported, call for.
#include "attest/foreign_extends.h"

#include <gtest/gtest.h>

#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::has;
using test::PaperLog;

// P gets another value, and a restarted daemon says so.
void extend_foreign(PaperLog& log) {
  log.tpm.extend_pcr(hash(view("somebody else")));
  log.remark(RemarkCode::foreign_extend, "P is not the fold");
  log.bundle();
}

// A counter anchor, two quote anchors, the foreign extend, the counter anchor that tells it.
PaperLog with_window() {
  PaperLog log;
  log.start();
  log.events(2);
  log.quote();
  log.events(1);
  log.quote();
  extend_foreign(log);
  log.events(1);
  log.counter();
  return log;
}

// What the auditor writes down, having looked: the newest counter anchor.
AcknowledgedExtend newest(const PaperLog& log) {
  return {log.chain->seq(), log.chain->newest_digest()};
}

void expect_unknown(const PaperLog& log, Fault fault) {
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::undetermined);
  EXPECT_EQ(report.completeness, Outcome::unknown);
  EXPECT_EQ(report.integrity, Outcome::pass);
  EXPECT_TRUE(has(report, fault)) << to_text(report);
}

TEST(ForeignExtends, AreUnknownUntilAcknowledgedAndThenAFinding) {
  PaperLog log = with_window();
  expect_unknown(log, Fault::foreign_extend);
  log.trust.acknowledged = {newest(log)};
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.completeness, Outcome::pass);
  EXPECT_EQ(report.acknowledged_extends, 1u);
  EXPECT_TRUE(has(report, Finding::foreign_extend_acknowledged));
  EXPECT_TRUE(has(report, Finding::foreign_extend_recorded));
  EXPECT_NE(to_text(report).find("pass, but for what 1 foreign extend may hide"), std::string::npos);
}

TEST(ForeignExtends, AreToldWithTheAnchorsAround) {
  PaperLog log = with_window();
  log.trust.acknowledged = {newest(log)};
  const Report report = log.appraise();
  ASSERT_EQ(report.foreign_windows.size(), 1u);
  const ForeignWindow& window = report.foreign_windows[0];
  EXPECT_TRUE(window.acknowledged);
  EXPECT_EQ(window.begin.seq, 1u);
  EXPECT_EQ(window.begin.quote_seq, 2u);
  EXPECT_EQ(window.begin.size, 4u);
  ASSERT_TRUE(window.end);
  EXPECT_EQ(window.end->seq, 2u);
  EXPECT_EQ(window.end->digest, log.chain->newest_digest());
  EXPECT_EQ(window.end->size, 5u);
  EXPECT_EQ(window.end->wallclock_ns, log.chain->newest_statement()->wallclock_ns);
  EXPECT_NE(to_json(report).find("\"foreign_extends\":[{\"era\":0,\"acknowledged\":true,\"after\":"
                                 "{\"anchor\":1,\"quote\":2,\"size\":4,\"time\":"),
            std::string::npos);
}

// The benign twin: a log without one says nothing of the matter.
TEST(ForeignExtends, AreNotSpokenOfWhereThereAreNone) {
  const Report report = test::lived().appraise();
  EXPECT_TRUE(report.foreign_windows.empty());
  EXPECT_EQ(to_json(report).find("foreign"), std::string::npos);
  EXPECT_EQ(to_text(report).find("foreign"), std::string::npos);
}

TEST(ForeignExtends, ARequiredFindingStillMakesItUndetermined) {
  PaperLog log = with_window();
  log.trust.acknowledged = {newest(log)};
  Options options = test::trusting(log);
  options.require = {Finding::foreign_extend_acknowledged};
  EXPECT_EQ(log.appraise(std::move(options)).conclusion, Conclusion::undetermined);
}

TEST(ForeignExtends, EachIsAcknowledgedForItself) {
  PaperLog log = with_window();
  const AcknowledgedExtend first = newest(log);
  log.quote();
  extend_foreign(log);
  log.trust.acknowledged = {first};
  expect_unknown(log, Fault::foreign_extend);  // the anchor to acknowledge is still to come
  EXPECT_FALSE(log.appraise().foreign_windows[1].end);
  log.counter();
  expect_unknown(log, Fault::foreign_extend);
  log.trust.acknowledged = {newest(log)};
  expect_unknown(log, Fault::foreign_extend);
  log.trust.acknowledged = {first, newest(log)};
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified);
  EXPECT_EQ(log.appraise().acknowledged_extends, 2u);
}

TEST(ForeignExtends, AnotherDigestOrAnchorHelpsNothingAndIsSaid) {
  PaperLog log = with_window();
  const AcknowledgedExtend right = newest(log);
  for (const AcknowledgedExtend& wrong :
       {AcknowledgedExtend{right.seq, hash(view("another"))},
        AcknowledgedExtend{right.seq - 1, right.digest},
        AcknowledgedExtend{right.seq + 1, right.digest}}) {
    log.trust.acknowledged = {wrong};
    expect_unknown(log, Fault::foreign_extend);
    expect_unknown(log, Fault::acknowledgement_unmatched);
  }
}

// A log that was cut back before it has lost what its auditor saw.
TEST(ForeignExtends, AnAcknowledgedAnchorThatIsNotThereIsSaid) {
  PaperLog log;
  log.start();
  log.counter();
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified);
  log.trust.acknowledged = {{3, hash(view("seen once"))}};
  expect_unknown(log, Fault::acknowledgement_unmatched);
}

TEST(ForeignExtends, AnAnchorThatRecordsNoneCannotBeAcknowledged) {
  PaperLog log;
  log.start();
  log.counter();
  log.trust.acknowledged = {newest(log)};
  expect_unknown(log, Fault::acknowledgement_unmatched);
  EXPECT_FALSE(has(log.appraise(), Finding::foreign_extend_acknowledged));
}

TEST(ForeignExtends, NoLineCoversAFoldThatNobodyRecorded) {
  PaperLog log = with_window();
  log.trust.acknowledged = {newest(log)};
  log.tpm.extend_pcr(hash(view("once more")));
  log.raw(EntryKind::bundle, encode(log.tpm.bundle(log.boot_id)));
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
  EXPECT_TRUE(has(report, Fault::fold_mismatch));
}

// Root goes back to where the acknowledged anchor had no receipt yet, cuts the quote anchors made
// since, and has it finished once more: its d is the acknowledged one, what was cut came later.
TEST(ForeignExtends, WhatIsCutBehindAnAcknowledgedAnchorIsNotCoveredByIt) {
  PaperLog log;
  log.start();
  log.quote();
  extend_foreign(log);
  const Statement flagged = log.open_counter();
  const Hash digest = statement_digest(encode(flagged));
  ASSERT_NE(flagged.flags & kForeignExtend, 0);
  PaperLog honest = log;
  honest.receipt(honest.tpm.full_anchor(flagged));
  honest.trust.acknowledged = {{flagged.seq, digest}};
  EXPECT_EQ(honest.appraise().conclusion, Conclusion::verified);
  honest.events(2);
  honest.quote();

  log.tpm = honest.tpm;
  log.now_ns = honest.now_ns;
  log.trust = honest.trust;
  log.remark(RemarkCode::foreign_extend, "P is not the fold");
  log.bundle();
  log.tpm.extend_pcr(digest);
  log.read_back_open(true);
  expect_unknown(log, Fault::foreign_extend);
  Report report = log.appraise();
  EXPECT_EQ(report.acknowledged_extends, 1u);
  ASSERT_EQ(report.foreign_windows.size(), 2u);
  EXPECT_FALSE(report.foreign_windows[1].end);
  // More anchors do not settle it; the next one that bears the flag can be acknowledged for it.
  log.counter();
  log.counter();
  expect_unknown(log, Fault::foreign_extend);
  extend_foreign(log);
  log.counter();
  expect_unknown(log, Fault::foreign_extend);
  log.trust.acknowledged.push_back(newest(log));
  report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.foreign_windows[1].begin.seq, 1u);
}

// An anchor under way is finished on the new base: the one after it tells, and is acknowledged.
TEST(ForeignExtends, DuringAnAnchorIsToldByTheNextOne) {
  PaperLog log;
  log.start();
  const Statement open = log.open_counter();
  extend_foreign(log);
  log.tpm.extend_pcr(statement_digest(encode(open)));
  log.receipt(log.tpm.full_anchor(open));
  log.trust.acknowledged = {newest(log)};
  expect_unknown(log, Fault::acknowledgement_unmatched);
  log.counter();
  log.trust.acknowledged = {newest(log)};
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified) << to_text(log.appraise());
}

TEST(ForeignExtends, AReadBackOfTheFlaggedAnchorIsAcknowledgedAlike) {
  PaperLog log;
  log.start();
  extend_foreign(log);
  log.open_counter();
  log.read_back_open(true);
  log.trust.acknowledged = {newest(log)};
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified) << to_text(log.appraise());
}

// In an era that has ended, too: nobody else can say it any more.
TEST(ForeignExtends, OfAnEarlierEraAreAcknowledgedInItsOwnPart) {
  PaperLog log = with_window();
  const AcknowledgedExtend line = newest(log);
  const Hash nonce = hash(view("nonce"));
  test::PaperTpm next;
  log.begin_era(std::move(next), nonce);
  log.start();
  Options options = test::trusting(log);
  options.eras_approved = true;
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
  options.trust->acknowledged = {line};  // of the new era: no such anchor
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
  options.trust->acknowledged.clear();
  options.trust->earlier[0].pins.acknowledged = {line};
  const Report report = log.appraise(options);
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_TRUE(has(report, Finding::foreign_extend_acknowledged));
}

TEST(ForeignExtends, AreListedUpToALimitAndCountedBeyondIt) {
  PaperLog log;
  log.start();
  for (std::size_t i = 0; i < kMaxListed + 2; ++i) {
    extend_foreign(log);
    log.counter();
    if (i < kMaxAcknowledgedExtends) log.trust.acknowledged.push_back(newest(log));
  }
  const Report report = log.appraise();
  EXPECT_EQ(report.foreign_windows.size(), kMaxListed);
  EXPECT_EQ(report.acknowledged_extends, kMaxAcknowledgedExtends);
  EXPECT_EQ(report.defect_count, kMaxListed + 2 - kMaxAcknowledgedExtends);
}

TEST(ForeignExtends, TheNextStepNamesTheAnchorToAcknowledge) {
  PaperLog log = with_window();
  EXPECT_NE(to_text(log.appraise()).find("stele trust acknowledge PATH --trust FILE --anchor 2."),
            std::string::npos);
  log.trust.acknowledged = {{2, hash(view("slip"))}};
  EXPECT_NE(to_text(log.appraise()).find("take it out"), std::string::npos);
  PaperLog early;
  early.start();
  extend_foreign(early);
  EXPECT_NE(to_text(early.appraise()).find("Once a counter anchor bears the flag"),
            std::string::npos);
}

}  // namespace
}  // namespace stele::attest
