// Goal: an evidence bundle is judged as its log is, says what it leaves out, and no edit of it is
// verified as something else. Method: logs on paper, assembled as the store's are; every way to
// start, to leave out and to show; every bit and every truncation, with the end recomputed or not;
// each attack with its benign twin. Last line of the big ones: injected / lost / false alarms /
// missed.
#include <gtest/gtest.h>

#include "attest/evidence/appraise.h"
#include "attest/evidence/assembler.h"
#include "tests/support/note_signer.h"
#include "tests/support/paper_evidence.h"
#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::bundle_of;
using test::EvidenceWish;
using test::has;
using test::judging;
using test::lived;
using test::PaperLog;
using test::remembered;

IndexRanges only(std::initializer_list<std::uint64_t> indices) {
  IndexRanges ranges;
  for (const std::uint64_t index : indices) ranges.add(index, index + 1);
  return ranges;
}

TEST(Evidence, AllRecordsAreJudgedAsTheStoreIs) {
  const PaperLog log = lived();
  const auto [report, memory] = appraise_evidence(bundle_of(log), judging(log));
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.what, Presented::bundle);
  EXPECT_EQ(report.held, (Held{12, std::nullopt}));
  EXPECT_EQ(report.coverage.unanchored, 2u);
  EXPECT_EQ(report.coverage.boots, 2u);
  EXPECT_EQ(memory, remembered(log));
  const Report store = log.appraise();
  EXPECT_EQ(report.finding_count, store.finding_count) << to_text(report);
  EXPECT_EQ(report.tree, store.tree);
}

TEST(Evidence, NoRecordsProveTheAnchorsAndTheTree) {
  const PaperLog log = lived();
  EvidenceWish wish;
  wish.shown = IndexRanges{};
  const auto [report, memory] = appraise_evidence(bundle_of(log, wish), judging(log));
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.held, (Held{0, std::nullopt}));
  EXPECT_EQ(report.tree.size, 10u);  // the tail has no anchor, so nothing to prove it by
  EXPECT_EQ(report.coverage.counter_anchored, 8u);
  EXPECT_EQ(report.finding_count, 0u) << to_text(report);
  EXPECT_EQ(memory, remembered(log));
  EXPECT_NE(to_text(report).find("0 records of 10"), std::string::npos) << to_text(report);
}

TEST(Evidence, EveryChoiceOfRecordsIsVerifiedForThoseItHolds) {
  const PaperLog log = lived();
  for (std::uint64_t begin = 0; begin < 10; ++begin) {
    for (std::uint64_t end = begin + 1; end <= 10; ++end) {
      EvidenceWish wish;
      wish.shown.emplace().add(begin, end);
      const Report report = appraise_evidence(bundle_of(log, wish), judging(log)).report;
      EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
      EXPECT_EQ(report.held->records, end - begin);
      EXPECT_EQ(report.finding_count, 0u) << to_text(report);
    }
  }
}

TEST(Evidence, AChosenRecordThatWasChangedIsTampering) {
  PaperLog log = lived();
  EvidenceWish wish;
  wish.shown = only({4});
  const auto honest = bundle_of(log, wish);
  log.records[4].bytes[0] ^= 1;
  EXPECT_TRUE(has(appraise_evidence(bundle_of(log, wish), judging(log)).report,
                  Fault::commitment_mismatch));
  // With a leaf that fits the forged content: then the subtrees around it give another root.
  const PaperLog good = lived();
  const auto forged = bundle_of(good, wish, [](std::uint64_t, PaperLog::Record& record) {
    record.bytes = {'l', 'i', 'e'};
    const Leaf leaf = decode_leaf(record.leaf).value();
    const auto encoded = encode(Leaf{leaf.kind, leaf.time_ns, leaf.source,
                                     commit({record.salt, record.tlvs, record.bytes})});
    record.leaf.assign(encoded.begin(), encoded.end());
  });
  const Report report = appraise_evidence(forged, judging(good)).report;
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
  EXPECT_TRUE(has(report, Fault::tree_root_mismatch));
}

TEST(Evidence, WithoutTrustNothingIsBetterThanUndetermined) {
  const PaperLog log = lived();
  for (const bool none : {false, true}) {
    EvidenceWish wish;
    if (none) wish.shown.emplace();
    wish.trust = to_text(log.trust);  // a claim, and not asked for
    const Report report = appraise_evidence(bundle_of(log, wish), {}).report;
    EXPECT_EQ(report.conclusion, Conclusion::undetermined) << to_text(report);
    EXPECT_EQ(report.identity, "none");
    EXPECT_TRUE(has(report, Fault::no_trust_file));
  }
  EXPECT_EQ(appraise_evidence({}, {}).report.conclusion, Conclusion::tampered);
}

// Attack 35, with the source out of sight.
TEST(Evidence, ARecordsSourceGoesWithIt) {
  PaperLog log;
  log.start();
  const std::uint64_t source = log.record(Kind::source, "who");
  log.events(2);
  const std::uint64_t event = log.record(Kind::event, "said", source);
  log.events(2);
  log.counter();
  EvidenceWish wish;
  wish.shown = only({source, event});
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), judging(log)).report.conclusion,
            Conclusion::verified);
  wish.shown = only({event});
  const Report report = appraise_evidence(bundle_of(log, wish), judging(log)).report;
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
  EXPECT_EQ(report.completeness, Outcome::fail);
  ASSERT_TRUE(has(report, Fault::records_missing));
  EXPECT_EQ(report.defects[0].at.value, source);
  // Named, but no source.
  const std::uint64_t liar = log.record(Kind::event, "lied", event);
  log.counter();
  wish.shown = only({source, event, liar});
  EXPECT_TRUE(has(appraise_evidence(bundle_of(log, wish), judging(log)).report,
                  Fault::source_invalid));
}

// A step of the clock that is noted among the records left out must not look like back-dating.
TEST(Evidence, AClockStepThatIsLeftOutRaisesNoFinding) {
  PaperLog log;
  log.start();
  log.events(1);
  log.quote();
  log.now_ns -= 3'600'000'000'000;
  log.record(Kind::note, "{\"note\":\"clock_step\",\"by_ns\":-3600000000000}");
  log.events(2);
  log.counter();
  ASSERT_EQ(log.appraise().finding_count, 0u) << to_text(log.appraise());
  EvidenceWish wish;
  for (const std::uint64_t index : {3u, 4u}) {
    wish.shown = only({index});
    const Report report = appraise_evidence(bundle_of(log, wish), judging(log)).report;
    EXPECT_EQ(report.conclusion, Conclusion::verified);
    EXPECT_EQ(report.finding_count, 0u) << to_text(report);
  }
}

TEST(Evidence, TheTrustInsideCountsOnlyUnderTheAuditorsKey) {
  const PaperLog log = lived();
  EvidenceWish wish;
  wish.trust = test::signed_trust(log.trust);
  EvidenceOptions options;
  options.auditor_key = test::auditor_key();
  const Report report = appraise_evidence(bundle_of(log, wish), options).report;
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.identity, "pinned-key");
  wish.trust = to_text(log.trust);
  const Report unsigned_one = appraise_evidence(bundle_of(log, wish), options).report;
  EXPECT_EQ(unsigned_one.conclusion, Conclusion::undetermined) << "an honest host's own file";
  EXPECT_TRUE(has(unsigned_one, Fault::no_trust_file));
  EXPECT_FALSE(has(unsigned_one, Fault::trust_signature));
  const test::NoteSigner stranger("stranger.example", 9);
  wish.trust = to_text(stranger.note(to_text(log.trust)));
  const Report anothers = appraise_evidence(bundle_of(log, wish), options).report;
  EXPECT_EQ(anothers.conclusion, Conclusion::undetermined) << "another auditor's";
  EXPECT_FALSE(has(anothers, Fault::trust_signature));
  wish.trust = test::signed_trust(log.trust);
  wish.trust.replace(wish.trust.find("heartbeat_s "), 12, "heartbeat_s 1");
  const Report forged = appraise_evidence(bundle_of(log, wish), options).report;
  EXPECT_EQ(forged.conclusion, Conclusion::tampered) << "his signature over another text";
  EXPECT_TRUE(has(forged, Fault::trust_signature));
  // Another log's, given from outside, wins over the one inside.
  wish.trust = test::signed_trust(log.trust);
  EvidenceOptions other = judging(lived(Mode::b));
  other.auditor_key = options.auditor_key;
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), other).report.conclusion,
            Conclusion::tampered);
}

// Whoever writes a trust file can write that it was enrolled: it is the signature that says who did.
TEST(Evidence, AnEnrolmentIsBelievedOfNobodyButTheAuditorWhoseKeyWasGiven) {
  PaperLog log = lived();
  log.trust.enrolled = true;
  EvidenceOptions mine;
  mine.auditor_key = test::auditor_key();
  EvidenceWish wish;
  wish.trust = test::signed_trust(log.trust);
  const Report signed_one = appraise_evidence(bundle_of(log, wish), mine).report;
  EXPECT_EQ(signed_one.conclusion, Conclusion::verified);
  EXPECT_EQ(signed_one.identity, "ek-chain");
  EXPECT_NE(to_json(signed_one).find("\"identity\":\"ek-chain\"}"), std::string::npos);
  EXPECT_NE(to_text(signed_one).find("led to a root of his"), std::string::npos);
  EXPECT_EQ(to_text(signed_one).find("simulator"), std::string::npos);
  // Unsigned: the same pins, and a claim.
  const Report claimed = appraise_evidence(bundle_of(log), judging(log)).report;
  EXPECT_EQ(claimed.conclusion, Conclusion::verified);
  EXPECT_EQ(claimed.identity, "pinned-key");
  EXPECT_NE(to_json(claimed).find("\"identity\":\"pinned-key\",\"identity_claimed\":\"ek-chain\""),
            std::string::npos);
  EXPECT_NE(to_text(claimed).find("no --auditor-key"), std::string::npos);
  // Signed by somebody else, or by nobody, and a key asked for.
  for (const std::string& text : {to_text(log.trust), test::signed_trust(log.trust)}) {
    EvidenceOptions other;
    other.auditor_key = text == to_text(log.trust)
                            ? test::auditor_key()
                            : to_text(test::NoteSigner("auditor.example/stele", 8).key());
    wish.trust = text;
    const Report refused = appraise_evidence(bundle_of(log, wish), other).report;
    EXPECT_NE(refused.conclusion, Conclusion::verified);
    EXPECT_EQ(refused.identity, "none");
  }
  // The same of a proof's and a store's options; and of what nobody enrolled.
  Options options = test::trusting(log);
  EXPECT_EQ(log.appraise(options).identity, "pinned-key");
  options.eras_approved = true;
  EXPECT_EQ(log.appraise(options).identity, "ek-chain");
  EXPECT_EQ(Appraiser::appraise_proof({}, options).identity, "ek-chain");
  log.trust.tpm_kind = TpmKind::simulator;
  options.trust = log.trust;
  EXPECT_NE(to_text(log.appraise(options)).find("it is a simulator's"), std::string::npos);
  options.trust->enrolled = false;
  EXPECT_EQ(log.appraise(options).identity, "pinned-key");
  EXPECT_EQ(to_json(log.appraise(options)).find("identity_claimed"), std::string::npos);
}

TEST(Evidence, ALiveAnswerInsideIsJudgedForTheNonce) {
  PaperLog log = lived();
  const PaperLog before = log;
  const Hash nonce = hash(view("nonce"));
  EvidenceWish wish;
  wish.shown.emplace();
  wish.answer = log.answer(nonce);
  EvidenceOptions options = judging(log);
  options.nonce = nonce;
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), options).report.freshness, Outcome::pass);
  options.nonce = hash(view("another"));
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), options).report.conclusion,
            Conclusion::tampered);
  // The log went on since: no contradiction.
  log.events(1);
  log.counter();
  options.nonce = nonce;
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), options).report.freshness, Outcome::pass);
  // The newest anchors cut off again, which the answer names.
  EXPECT_EQ(appraise_evidence(bundle_of(before, wish), options).report.conclusion,
            Conclusion::tampered);
  wish.answer.clear();
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), options).report.conclusion,
            Conclusion::undetermined);
}

TEST(Evidence, ALogIsTheOneThatItsBootBundleNames) {
  PaperLog log;
  const Bytes text = {'l', 'o', 'g'};
  Bundle boot = log.tpm.bundle(log.boot_id);
  boot.event_log_bytes = text.size();
  boot.event_log_hash = hash(text);
  log.append(EntryKind::bundle, encode(boot));
  log.counter();
  EvidenceWish wish;
  wish.logs = {text};
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), judging(log)).report.conclusion,
            Conclusion::verified);
  for (const auto& logs : {std::vector<Bytes>{{'l', 'i', 'e'}}, std::vector<Bytes>{text, text}}) {
    wish.logs = logs;
    EXPECT_TRUE(has(appraise_evidence(bundle_of(log, wish), judging(log)).report,
                    Fault::bundle_mismatch));
  }
}

TEST(Evidence, SeveralErasAreJudgedOneByOne) {
  PaperLog log = lived();
  log.begin_era(test::PaperTpm(), hash(view("end")));
  log.start();
  log.events(2);
  log.counter();
  for (const bool none : {false, true}) {
    EvidenceWish wish;
    if (none) wish.shown.emplace();
    EvidenceOptions options = judging(log);
    EXPECT_EQ(appraise_evidence(bundle_of(log, wish), options).report.conclusion,
              Conclusion::undetermined);
    options.eras_approved = true;
    const Report report = appraise_evidence(bundle_of(log, wish), options).report;
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  }
}

}  // namespace
}  // namespace stele::attest
