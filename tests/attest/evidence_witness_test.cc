// Goal: a third person applies a policy to an evidence bundle, and holds receipts against it: what the
// bundle leads to is compared, what it does not lead to is said and counts for nothing, and neither
// is confused with tampering (families 26 and 72 on bundles, A9).
// Method: logs on paper, whole, in part and since a memory; every cosigned size and every choice of
// records; heads of another history, flipped, taken out; receipts of what was cut, forked or came
// before. Each attack with the twin that must not alarm.
#include <gtest/gtest.h>

#include "attest/evidence/assembler.h"
#include "tests/support/paper_evidence.h"
#include "tests/support/paper_witnesses.h"
#include "tests/support/tally.h"

namespace stele::attest {
namespace {

using test::bundle_of;
using test::EvidenceWish;
using test::has;
using test::judging;
using test::PaperLog;
using test::remembered;
using test::WitnessedLog;

EvidenceWish with_heads(const WitnessedLog& bed, const std::vector<std::uint64_t>& sizes,
                        unsigned witnesses = 7) {
  EvidenceWish wish;
  std::vector<Note> notes;
  for (const std::uint64_t size : sizes) notes.push_back(bed.cosigned(bed.head(size), witnesses));
  wish.heads = test::heads_of(notes);
  return wish;
}

EvidenceOptions believing(const WitnessedLog& bed, const std::string& quorum = "all") {
  EvidenceOptions options = judging(bed.log);
  options.policy = *parse_policy(bed.policy(quorum));
  return options;
}

Report judged_witnesses(const Bytes& bundle, const EvidenceOptions& options) {
  return appraise_evidence(bundle, options).report;
}

Report holding(const Bytes& bundle, EvidenceOptions options,
               const std::vector<std::string>& lines) {
  EvidenceAppraiser appraiser(std::move(options));
  appraiser.held_receipts([&lines](const EvidenceAppraiser::HeldLine& take) {
    for (std::size_t i = 0; i < lines.size(); ++i) take(lines[i], i + 1);
  });
  appraiser.feed(bundle);
  return appraiser.report();
}

TEST(EvidenceWitness, EveryHeadIsComparedHoweverLittleIsShown) {
  const WitnessedLog bed;
  test::Tally tally;
  for (std::uint64_t begin = 0; begin <= 10; ++begin) {
    for (std::uint64_t size = 1; size <= 10; ++size) {
      EvidenceWish wish = with_heads(bed, {size});
      wish.shown.emplace().add(begin, std::min<std::uint64_t>(begin + 2, 10));
      const Report good = judged_witnesses(bundle_of(bed.log, wish), believing(bed));
      EXPECT_EQ(good.conclusion, Conclusion::verified) << to_text(good);
      EXPECT_EQ(good.witnesses->quorum_through, size);
      EXPECT_EQ(good.finding_count, 0u) << to_text(good);
      TreeHead fork = bed.head(size);
      fork.root.bytes[begin] ^= 1;
      wish.heads = test::heads_of({bed.cosigned(fork, 1)});
      const Report bad = judged_witnesses(bundle_of(bed.log, wish), believing(bed));
      EXPECT_TRUE(has(bad, Fault::cosigned_head_mismatch)) << to_text(bad);
      tally.injected += 2;
      tally.false_alarms += good.conclusion != Conclusion::verified;
      tally.missed += bad.conclusion != Conclusion::tampered;
    }
  }
  tally.report(72, "heads in bundles: of another history, and the twins");
}

TEST(EvidenceWitness, WhoGivesNoPolicyReadsTheBundleAsOneWithoutHeads) {
  const WitnessedLog bed;
  const Report report =
      judged_witnesses(bundle_of(bed.log, with_heads(bed, {3, 7})), judging(bed.log));
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_FALSE(report.witnesses);
  EXPECT_EQ(report.tree, judged_witnesses(bundle_of(bed.log), judging(bed.log)).tree);
}

TEST(EvidenceWitness, HeadsFromElsewhereTakeThePlaceOfThoseInside) {
  const WitnessedLog bed;
  const std::string mine = to_text(test::heads_of({bed.cosigned(bed.head(10), 7)}));
  for (const bool inside : {false, true}) {
    EvidenceAppraiser appraiser(believing(bed));
    appraiser.cosignatures(mine);
    EvidenceWish wish;
    if (inside) wish = with_heads(bed, {4}, 1);
    wish.shown.emplace();
    appraiser.feed(bundle_of(bed.log, wish));
    const Report report = appraiser.report();
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
    EXPECT_EQ(report.witnesses->quorum_through, 10u);
  }
}

// Stripped: as if nobody had witnessed anything. Root can always do that.
TEST(EvidenceWitness, WithoutTheHeadsTheQuorumIsNotReachedAndNothingIsTampered) {
  const WitnessedLog bed;
  const EvidenceOptions options = believing(bed, "any");
  EXPECT_EQ(judged_witnesses(bundle_of(bed.log, with_heads(bed, {8})), options).conclusion,
            Conclusion::verified);
  const Report report = judged_witnesses(bundle_of(bed.log), options);
  EXPECT_EQ(report.conclusion, Conclusion::undetermined) << to_text(report);
  EXPECT_TRUE(has(report, Fault::quorum_not_reached));
  EXPECT_EQ(report.integrity, Outcome::pass);
}

TEST(EvidenceWitness, AHeadThatTheBundleDoesNotLeadToIsSaidAndCountsForNothing) {
  WitnessedLog bed;
  struct Case {
    std::string why;
    Bytes bundle;
    EvidenceOptions options;
    std::uint64_t size;
  };
  std::vector<Case> cases;
  EvidenceWish none;
  none.shown.emplace();
  for (int i = 0; i < 30; ++i) bed.log.events(1);
  bed.log.counter();
  cases.push_back({"it ends at 42", bundle_of(bed.log, none), believing(bed, "any"), 43});
  cases.push_back({"leaves out the records", bundle_of(bed.log, none), believing(bed, "any"), 27});
  PaperLog later = bed.log;
  const Memory memory = remembered(bed.log);
  later.events(2);
  later.counter();
  EvidenceWish since = none;
  since.since = memory;
  EvidenceOptions remembering = believing(bed, "any");
  remembering.memory = memory;
  cases.push_back({"begins only at 42", bundle_of(later, since), remembering, 9});
  for (const Case& one : cases) {
    for (const bool of_another_history : {false, true}) {
      TreeHead head{one.size, Hash{}};
      if (one.size <= bed.log.records.size()) head = bed.head(one.size);
      head.root.bytes[0] ^= of_another_history;
      EvidenceAppraiser appraiser(one.options);
      appraiser.cosignatures(to_text(test::heads_of({bed.cosigned(head, 1)})));
      appraiser.feed(one.bundle);
      const Report report = appraiser.report();
      EXPECT_EQ(report.conclusion, Conclusion::undetermined) << to_text(report);
      EXPECT_TRUE(has(report, Fault::quorum_not_reached));
      ASSERT_TRUE(has(report, Finding::cosigned_head_not_compared)) << to_text(report);
      EXPECT_NE(to_text(report).find(one.why), std::string::npos) << to_text(report);
    }
  }
}

// The start's own tree is known: a head of that size is compared, one behind it too.
TEST(EvidenceWitness, EvidenceSinceAMemoryIsComparedFromItsStartOn) {
  WitnessedLog bed;
  const Memory memory = remembered(bed.log);
  bed.log.events(3);
  bed.log.counter();
  for (const std::uint64_t size : {10u, 12u, 15u}) {
    EvidenceWish wish = with_heads(bed, {size});
    wish.since = memory;
    wish.shown.emplace();
    EvidenceOptions options = believing(bed);
    options.memory = memory;
    const Report good = judged_witnesses(bundle_of(bed.log, wish), options);
    EXPECT_EQ(good.conclusion, Conclusion::verified) << to_text(good);
    EXPECT_EQ(good.witnesses->quorum_through, size);
    TreeHead fork = bed.head(size);
    fork.root.bytes[9] ^= 1;
    wish.heads = test::heads_of({bed.cosigned(fork, 1)});
    EXPECT_TRUE(
        has(judged_witnesses(bundle_of(bed.log, wish), options), Fault::cosigned_head_mismatch));
  }
}

// Every bit of the section, with the end made right again: never a quorum that was not there, and
// never tampering, unless log and witness signed it.
TEST(EvidenceWitness, AFlippedSectionIsNeverBelievedAndNeverTampering) {
  WitnessedLog bed;
  bed.log = PaperLog();
  bed.log.events(7);
  bed.log.bundle();
  bed.log.counter();
  test::Tally tally;
  EvidenceWish wish = with_heads(bed, {4, 7}, 1);
  wish.shown.emplace();
  const Bytes good = bundle_of(bed.log, wish);
  ASSERT_EQ(judged_witnesses(good, believing(bed, "any")).witnesses->quorum_through, 7u);
  const std::string text = to_text(wish.heads);
  const ByteView bytes = view(text);
  const auto section = std::search(good.begin(), good.end(), bytes.begin(), bytes.end());
  ASSERT_NE(section, good.end());
  const auto first = static_cast<std::size_t>(section - good.begin());
  for (std::size_t at = first; at < first + text.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes bent = good;
      bent[at] = static_cast<std::uint8_t>(bent[at] ^ (1u << bit));
      if (bit == at % 8) {
        ++tally.injected;
        tally.missed +=
            judged_witnesses(bent, believing(bed, "any")).conclusion == Conclusion::verified;
      }
      const Report report =
          judged_witnesses(test::sealed_again(std::move(bent)), believing(bed, "any"));
      ++tally.injected;
      tally.false_alarms += report.conclusion == Conclusion::tampered;
      const auto& through = report.witnesses->quorum_through;
      if (through && *through != 4 && *through != 7) tally.missed += 1;
    }
  }
  // Around the section: the rules of every bundle.
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (at >= first && at < first + text.size()) continue;
    Bytes bent = good;
    bent[at] = static_cast<std::uint8_t>(bent[at] ^ (1u << at % 8));
    bent = test::sealed_again(std::move(bent));
    ++tally.injected;
    if (bent != good &&
        judged_witnesses(bent, believing(bed, "any")).conclusion == Conclusion::verified) {
      ++tally.missed;
      ADD_FAILURE() << "byte " << at << " of " << good.size();
    }
  }
  tally.report(26, "a bundle's cosigned heads, every bit");
}

TEST(EvidenceWitness, HeadsStandInOnePlaceAndInVersionTwoAlone) {
  const WitnessedLog bed;
  const EvidenceWish wish = with_heads(bed, {4});
  const Bytes good = bundle_of(bed.log, wish);
  ASSERT_EQ(good[9], 2);
  Bytes version_1 = good;
  version_1[9] = 1;
  Bytes version_2 = bundle_of(bed.log);
  ASSERT_EQ(version_2[9], 1);
  version_2[9] = 2;
  Bytes version_3 = good;
  version_3[9] = 3;
  for (Bytes* const bent : {&version_1, &version_2}) {
    EXPECT_TRUE(has(judged_witnesses(test::sealed_again(std::move(*bent)), judging(bed.log)),
                    Fault::value_out_of_range));
  }
  const Report unknown =
      judged_witnesses(test::sealed_again(std::move(version_3)), judging(bed.log));
  EXPECT_EQ(unknown.conclusion, Conclusion::undetermined) << to_text(unknown);
  EXPECT_TRUE(has(unknown, Fault::version_unknown));
  // Twice; behind the start.
  const std::string text = to_text(wish.heads);
  const auto written = [&](const std::vector<EvidencePart>& parts) {
    Bytes out;
    EvidenceWriter writer([&out](ByteView some) { out.insert(out.end(), some.begin(), some.end()); },
                          kEvidenceVersionWithHeads);
    for (const EvidencePart& part : parts) writer.write(part);
    return out;
  };
  const EvidencePart heads = HeadsPart{view(text)};
  Bytes twice = written({heads});
  const Bytes once(twice.begin() + 10, twice.end());
  twice.insert(twice.end(), once.begin(), once.end());
  Bytes late = written({heads, ElidedPart{1, {Hash{}}}});
  late.insert(late.end(), once.begin(), once.end());
  for (const Bytes& bent : {twice, late}) {
    EvidenceDecoder decoder;
    decoder.feed(bent);
    while (decoder.next()) continue;
    ASSERT_FALSE(decoder.finish());
    EXPECT_EQ(decoder.finish().error().fault, Fault::value_out_of_range);
  }
}

TEST(EvidenceReceipts, ABundleThatHasThemAllIsVerified) {
  PaperLog log = test::lived();
  const auto lines = test::lines_of(log);
  ASSERT_GE(lines.size(), 3u);
  for (const bool none : {false, true}) {
    EvidenceWish wish;
    if (none) wish.shown.emplace();
    const Report report = holding(bundle_of(log, wish), judging(log), lines);
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
    EXPECT_EQ(report.held_receipts, lines.size());
    EXPECT_EQ(report.held_not_compared, 0u);
    EXPECT_FALSE(has(report, Finding::held_receipt_not_compared));
  }
}

TEST(EvidenceReceipts, ACutBundleAndAForkedOneAreTampering) {
  PaperLog cut = test::lived();
  PaperLog whole = cut;
  whole.events(2);
  whole.counter();
  const auto lines = test::lines_of(whole);
  PaperLog forked = cut;  // with the TPM's state put back
  forked.pass(7);
  for (int i = 0; i < 2; ++i) {
    forked.events(3);
    forked.counter();
  }
  EvidenceWish wish;
  wish.shown.emplace();
  EXPECT_EQ(holding(bundle_of(whole, wish), judging(whole), lines).conclusion,
            Conclusion::verified);
  for (const PaperLog* log : {&cut, &forked}) {
    EXPECT_EQ(judged_witnesses(bundle_of(*log, wish), judging(*log)).conclusion,
              Conclusion::verified);
    const Report report = holding(bundle_of(*log, wish), judging(*log), lines);
    EXPECT_EQ(report.conclusion, Conclusion::tampered) << to_text(report);
    EXPECT_EQ(report.completeness, Outcome::fail);
    EXPECT_TRUE(has(report, Fault::held_receipt_missing));
  }
  EXPECT_NE(to_text(holding(bundle_of(cut, wish), judging(cut), lines)).find("ends at anchor"),
            std::string::npos);
  EXPECT_NE(to_text(holding(bundle_of(forked, wish), judging(forked), lines)).find("another anchor"),
            std::string::npos);
}

TEST(EvidenceReceipts, WhatCameBeforeTheStartIsNotComparedAndSaid) {
  PaperLog log = test::lived();
  const Memory memory = remembered(log);
  const std::size_t before = test::lines_of(log).size();
  log.events(2);
  log.counter();
  PaperLog cut = log;
  log.events(1);
  log.counter();
  EvidenceWish wish;
  wish.shown.emplace();
  wish.since = memory;
  const auto lines = test::lines_of(log);
  const Report good = holding(bundle_of(log, wish), judging(log, memory), lines);
  EXPECT_EQ(good.conclusion, Conclusion::verified) << to_text(good);
  EXPECT_TRUE(has(good, Finding::held_receipt_not_compared)) << to_text(good);
  EXPECT_EQ(good.held_not_compared, before);
  const Report bad = holding(bundle_of(cut, wish), judging(cut, memory), lines);
  EXPECT_EQ(bad.conclusion, Conclusion::tampered) << to_text(bad);
}

// The trust file stands inside, signed: receipts and policy wait for it.
TEST(EvidenceReceipts, TheTrustInsideServesReceiptsAndPolicyToo) {
  const WitnessedLog bed;
  EvidenceWish wish = with_heads(bed, {8});
  wish.trust = test::signed_trust(bed.log.trust);
  EvidenceOptions options = believing(bed);
  options.trust.reset();
  options.auditor_key = test::auditor_key();
  PaperLog whole = bed.log;
  whole.counter();
  const Report good = holding(bundle_of(bed.log, wish), options, test::lines_of(bed.log));
  EXPECT_EQ(good.conclusion, Conclusion::verified) << to_text(good);
  EXPECT_EQ(good.witnesses->quorum_through, 8u);
  EXPECT_EQ(holding(bundle_of(bed.log, wish), options, test::lines_of(whole)).conclusion,
            Conclusion::tampered);
  wish.trust = to_text(bed.log.trust);  // unsigned: nobody's claim, and no alarm
  EXPECT_EQ(holding(bundle_of(bed.log, wish), options, test::lines_of(bed.log)).conclusion,
            Conclusion::undetermined);
}

}  // namespace
}  // namespace stele::attest
