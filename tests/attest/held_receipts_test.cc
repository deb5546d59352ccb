// Goal: a receipt held off the host finds out a log that was rolled back or replaced, and raises no
// alarm for anything else.
// Method: logs on paper, cut at each anchor, against the lines of the whole one; the twin that went
// on; lines forged, cut, of other logs.
#include <gtest/gtest.h>

#include "tests/support/paper_witnesses.h"

namespace stele::attest {
namespace {

using test::anchors_of;
using test::line_of;
using test::lines_of;
using test::PaperLog;

Report judge(const PaperLog& log, const std::vector<std::string>& lines) {
  Appraiser appraiser(test::trusting(log));
  for (std::size_t i = 0; i < lines.size(); ++i) appraiser.held_receipt(lines[i], i + 1);
  log.present(appraiser);
  return appraiser.report();
}

// Goes on until it has so many anchors.
PaperLog going_on(PaperLog log, int count) {
  if (log.chain->seq() == 0) log.start();
  while (log.chain->seq() < static_cast<std::uint64_t>(count)) {
    log.events(3);
    log.counter();
  }
  return log;
}
PaperLog with_anchors(int count) { return going_on(PaperLog(), count); }

TEST(HeldReceipts, ALogThatHasThemAllIsVerifiedAndSoIsOneThatWentOn) {
  PaperLog log = with_anchors(5);
  const auto lines = lines_of(log);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(judge(log, lines).conclusion, Conclusion::verified);
  EXPECT_EQ(judge(log, lines).held_receipts, 5u);
  log.events(2);
  log.quote();
  log.counter();
  EXPECT_EQ(judge(log, lines).conclusion, Conclusion::verified);
  auto twice = lines;
  twice.insert(twice.end(), lines.begin(), lines.end());
  EXPECT_EQ(judge(log, twice).held_receipts, 5u);
}

TEST(HeldReceipts, EveryRollbackIsTamperingWithTheFirstAnchorNamed) {
  for (int kept = 1; kept < 5; ++kept) {
    const PaperLog cut = with_anchors(kept);
    const PaperLog whole = going_on(cut, 5);
    const auto lines = lines_of(whole);
    const Report report = judge(cut, lines);
    EXPECT_EQ(report.conclusion, Conclusion::tampered) << kept;
    EXPECT_TRUE(test::has(report, Fault::held_receipt_missing)) << to_text(report);
    // Without them a shorter log is what it always was: verified up to its end.
    EXPECT_EQ(judge(cut, {}).conclusion, Conclusion::verified);
  }
}

TEST(HeldReceipts, AForgedContinuationDoesNotReplaceThem) {
  PaperLog forged = with_anchors(2);  // the TPM put back as well: a simulator's state
  const PaperLog whole = going_on(forged, 4);
  forged.pass(7);
  for (int i = 0; i < 4; ++i) {
    forged.events(1);
    forged.counter();
  }
  EXPECT_EQ(judge(forged, lines_of(whole)).conclusion, Conclusion::tampered);
}

TEST(HeldReceipts, LinesThatTheTpmDidNotSignAreFindingsAndNothingElse) {
  const PaperLog log = with_anchors(3);
  const PaperLog longer = going_on(log, 4);
  PushedAnchor forged = anchors_of(longer).back();
  forged.receipt.audit->signed_attestation.r[5] ^= 1;
  PushedAnchor moved = anchors_of(longer).back();
  moved.statement.tree.size += 1;
  for (const std::string& line :
       {line_of(forged), line_of(moved), std::string("stele-push 1 anchor"), std::string("noise"),
        line_of(anchors_of(longer).back()).substr(0, 700)}) {
    const Report report = judge(log, {line});
    EXPECT_EQ(report.conclusion, Conclusion::verified) << line;
    EXPECT_TRUE(test::has(report, Finding::held_receipt_invalid)) << line;
    EXPECT_EQ(report.held_receipts, 0u);
  }
}

TEST(Pushed, LinesAreWrittenBackAsTheyWereRead) {
  for (const std::string& line : lines_of(with_anchors(3))) {
    const auto pushed = parse_pushed(line);
    ASSERT_TRUE(pushed);
    EXPECT_EQ(line_of(std::get<PushedAnchor>(*pushed)), line);
    for (std::size_t i = 0; i < line.size(); i += 7) {
      EXPECT_FALSE(parse_pushed(line.substr(0, i))) << i;
    }
    EXPECT_FALSE(parse_pushed(line + " "));
    EXPECT_FALSE(parse_pushed(line + "\n"));
  }
}

}  // namespace
}  // namespace stele::attest
