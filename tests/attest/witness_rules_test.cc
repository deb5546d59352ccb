// Goal: what witnesses signed is held against the log that is presented: a quorum is told up to the
// size that it saw, another history is found out, and nothing that a witness says makes a verdict
// better. Families 26 and 72: each case has the twin that must not alarm.
// Method: logs on paper; heads cosigned by keys made here; policies over three witnesses.
#include <gtest/gtest.h>

#include <bit>

#include "tests/support/paper_witnesses.h"
#include "tests/support/tally.h"

namespace stele::attest {
namespace {

using test::signer_of;

// With the judgement of the whole log.
struct Bed : test::WitnessedLog {
  Report judge(const std::vector<Note>& notes, const std::string& policy_text) const {
    return judge_text(to_text(test::heads_of(notes)), policy_text);
  }
  Report judge_text(const std::string& cosignatures, const std::string& policy_text) const {
    Options options = test::trusting(log);
    options.policy = *parse_policy(policy_text);
    Appraiser appraiser(options);
    appraiser.cosignatures(cosignatures);
    log.present(appraiser);
    return appraiser.report();
  }
};

TEST(WitnessRules, AQuorumIsToldUpToWhereItSawTheLog) {
  const Bed bed;
  const std::uint64_t size = bed.log.records.size();
  ASSERT_GT(size, 6u);
  const Report report = bed.judge(
      {bed.cosigned(bed.head(3), 7), bed.cosigned(bed.head(5), 3), bed.cosigned(bed.head(size), 1)},
      bed.policy("2"));
  ASSERT_TRUE(report.witnesses);
  EXPECT_EQ(report.conclusion, Conclusion::verified);
  EXPECT_EQ(report.witnesses->quorum_through, 5u);
  EXPECT_EQ(report.witnesses->witnesses[0].size, size);
  EXPECT_EQ(report.witnesses->witnesses[1].size, 5u);
  EXPECT_EQ(report.witnesses->witnesses[2].size, 3u);
  EXPECT_NE(to_json(report).find("\"quorum\":\"reached\",\"quorum_through\":5"), std::string::npos);
  EXPECT_NE(to_text(report).find("holds up to record 5"), std::string::npos);
}

TEST(WitnessRules, TooFewWitnessesAreUndeterminedAndNeverTampering) {
  const Bed bed;
  int cases = 0;
  for (const auto& [quorum, needed] :
       std::vector<std::pair<std::string, int>>{{"any", 1}, {"2", 2}, {"all", 3}}) {
    for (unsigned bits = 0; bits < 8; ++bits, ++cases) {
      const Report report = bed.judge({bed.cosigned(bed.head(4), bits)}, bed.policy(quorum));
      const bool enough = std::popcount(bits) >= needed;
      EXPECT_EQ(report.conclusion, enough ? Conclusion::verified : Conclusion::undetermined);
      EXPECT_EQ(test::has(report, Fault::quorum_not_reached), !enough);
      EXPECT_EQ(report.completeness, enough ? Outcome::pass : Outcome::unknown);
    }
  }
  EXPECT_EQ(cases, 24);
}

TEST(WitnessRules, Family26NothingButTheRightKeyOriginAndTextCounts) {
  const Bed bed;
  test::Tally tally;
  const std::string origin = bed.log.trust.origin;
  const auto judged = [&](const std::string& what, const Report& report, bool counts) {
    tally.injected += 1;
    const bool counted = report.conclusion == Conclusion::verified;
    if (counted && !counts) tally.missed += 1;
    if (!counted && counts) tally.false_alarms += 1;
    if (report.conclusion == Conclusion::tampered) tally.false_alarms += 1;
    EXPECT_EQ(counted, counts) << what << "\n" << to_text(report);
  };
  for (std::uint64_t size = 2; size <= 7; ++size) {
    const TreeHead head = bed.head(size);
    const std::string any = bed.policy("any");
    judged("as it must be", bed.judge({bed.cosigned(head, 1)}, any), true);
    judged("an old time", bed.judge({bed.cosigned(head, 1, 1)}, any), true);
    judged("one short", bed.judge({bed.cosigned(head, 3)}, bed.policy("all")), false);
    const NoteSigner stranger = signer_of(9, origin);
    judged("signed by a key that the policy does not list",
           bed.judge({bed.add(bed.signed_by(stranger, origin, head), 1)}, any), false);
    judged("the right key, another origin",
           bed.judge({bed.add(bed.signed_by(bed.key, "other.example/log", head), 1)}, any), false);
    Note unknown = bed.cosigned(head, 0);
    unknown.signatures.push_back(cosign(signer_of(8, "w1.example"), unknown.text, 5));
    judged("a witness that nobody knows, under a known name", bed.judge({unknown}, any), false);
    Note plain = bed.cosigned(head, 0);
    plain.signatures.push_back(bed.witnesses[0].sign(plain.text).signatures.front());
    judged("a witness's note signature, no cosignature", bed.judge({plain}, any), false);
    Note moved = bed.cosigned(head, 0);
    const Note other = bed.cosigned(bed.head(size - 1), 1);
    moved.signatures.push_back(other.signatures.back());
    judged("the cosignature of another head", bed.judge({moved}, any), false);
    EXPECT_TRUE(test::has(bed.judge({moved}, any), Finding::cosignature_invalid));
  }
  EXPECT_GE(tally.injected, 40u);
  tally.report(
      26, "heads of keys, origins and witnesses that are not the policy's, each with its twin");
}

TEST(WitnessRules, Family72AnotherHistoryThatTheLogSignedIsTampering) {
  const Bed bed;
  test::Tally tally;
  const std::uint64_t all = bed.log.records.size();
  for (std::uint64_t size = 1; size <= all; ++size) {
    TreeHead fork = bed.head(size);
    fork.root.bytes[size % 32] ^= 1;
    const Report bad = bed.judge({bed.cosigned(fork, 1)}, bed.policy("any"));
    const Report good = bed.judge({bed.cosigned(bed.head(size), 1)}, bed.policy("any"));
    tally.injected += 2;
    if (bad.conclusion != Conclusion::tampered) tally.missed += 1;
    if (good.conclusion != Conclusion::verified) tally.false_alarms += 1;
    EXPECT_TRUE(test::has(bad, Fault::cosigned_head_mismatch)) << to_text(bad);
    EXPECT_EQ(exit_code(bad.conclusion), 1);
    EXPECT_EQ(good.conclusion, Conclusion::verified) << to_text(good);
  }
  // More than is presented: cut, or rolled back.
  TreeHead longer{all + 3, Hash{}};
  const Report cut = bed.judge({bed.cosigned(longer, 1)}, bed.policy("any"));
  tally.injected += 1;
  if (cut.conclusion != Conclusion::tampered) tally.missed += 1;
  EXPECT_TRUE(test::has(cut, Fault::cosigned_head_mismatch));
  tally.report(72, "another root, or more records, than presented, signed by log and witness");
}

// One witness alone cannot make a log look tampered with.
TEST(WitnessRules, WhatAWitnessSaysWithoutTheLogsSignatureIsUndetermined) {
  const Bed bed;
  TreeHead fork = bed.head(4);
  fork.root.bytes[0] ^= 1;
  const Note framed =
      bed.add(bed.signed_by(signer_of(9, bed.log.trust.origin), bed.log.trust.origin, fork), 1);
  const Report unlisted = bed.judge({framed}, bed.policy("any", false));
  EXPECT_EQ(unlisted.conclusion, Conclusion::undetermined);
  EXPECT_TRUE(test::has(unlisted, Fault::cosigned_head_unsigned));
  // Where the policy lists the log's key, an unsigned head is not looked at at all.
  const Report listed = bed.judge({framed, bed.cosigned(bed.head(5), 1)}, bed.policy("any"));
  EXPECT_EQ(listed.conclusion, Conclusion::verified) << to_text(listed);
}

TEST(WitnessRules, AWitnessNeverMakesAVerdictBetter) {
  Bed bed;
  bed.log.records[2].bytes[0] ^= 1;
  const Report report = bed.judge({bed.cosigned(bed.head(4), 7)}, bed.policy("all"));
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
}

TEST(WitnessRules, AFileThatCannotBeReadIsAFindingAndNoQuorum) {
  const Bed bed;
  const std::string good = to_text(std::vector<CosignedHead>{
      {bed.cosigned(bed.head(3), 1), *parse_checkpoint(bed.cosigned(bed.head(3), 1).text)}});
  EXPECT_EQ(bed.judge_text(good, bed.policy("any")).conclusion, Conclusion::verified);
  for (std::size_t length = 1; length < good.size(); ++length) {
    const Report report = bed.judge_text(good.substr(0, length), bed.policy("any"));
    EXPECT_NE(report.conclusion, Conclusion::tampered) << length;
    // Cut at the end of its log's line, what is left is a head that no witness signed.
    if (report.conclusion == Conclusion::verified)
      ADD_FAILURE() << "verified when cut at " << length;
  }
}

TEST(CosignedHeads, AreBoundedAndTheOldOnesGetRarer) {
  const Bed bed;
  std::vector<CosignedHead> heads;
  for (std::uint64_t size = 1; size <= 3 * kMaxCosignedHeads; ++size) {
    ASSERT_TRUE(add_cosigned(heads, bed.cosigned({size, Hash{}}, 1)));
    ASSERT_LE(heads.size(), kMaxCosignedHeads);
    ASSERT_EQ(heads.front().checkpoint.tree.size, 1u);
    ASSERT_EQ(heads.back().checkpoint.tree.size, size);
  }
  const auto again = parse_cosigned_heads(to_text(heads));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(to_text(*again), to_text(heads));
  // Another root at a size that is there is refused; further witnesses of the same head are added.
  EXPECT_FALSE(
      add_cosigned(heads, bed.cosigned({heads.back().checkpoint.tree.size, hash(view("x"))}, 1)));
  const std::size_t count = heads.size();
  ASSERT_TRUE(add_cosigned(heads, bed.cosigned(heads.back().checkpoint.tree, 6)));
  EXPECT_EQ(heads.size(), count);
  EXPECT_EQ(heads.back().note.signatures.size(), 4u);
}

}  // namespace
}  // namespace stele::attest
