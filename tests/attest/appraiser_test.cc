// Goal: the appraiser never says more than it checked: each rule with the attack that breaks it and
// the benign twin that must not alarm. Method: logs on paper; the attack edits entries, records or
// registers as root could; verdicts, faults and findings are compared by name.
#include "attest/appraiser.h"

#include <gtest/gtest.h>

#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::has;
using test::lived;
using test::PaperLog;
using test::trusting;

TEST(Appraiser, AnHonestLogIsVerifiedWithItsFigures) {
  const Report report = lived().appraise();
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.integrity, Outcome::pass);
  EXPECT_EQ(report.completeness, Outcome::pass);
  EXPECT_EQ(report.freshness, Outcome::unknown);
  EXPECT_EQ(report.platform, Outcome::unknown);  // no boot policy
  EXPECT_EQ(report.tree.size, 12u);
  EXPECT_EQ(report.coverage.counter_anchored, 8u);
  EXPECT_EQ(report.coverage.quote_anchored, 2u);
  EXPECT_EQ(report.coverage.unanchored, 2u);
  EXPECT_TRUE(report.coverage.unanchored_since_ns.has_value());
  EXPECT_EQ(report.coverage.boots, 2u);
  EXPECT_EQ(report.coverage.unclean_ends, 0u);
  EXPECT_EQ(report.counter_anchors, 4u);
  EXPECT_EQ(report.quote_anchors, 3u);
  EXPECT_EQ(report.finding_count, 1u) << to_text(report);
  EXPECT_TRUE(has(report, Finding::unanchored_tail));
}

TEST(Appraiser, WithoutATrustFileItIsNeverVerified) {
  const Report report = lived().appraise(Options{});
  EXPECT_EQ(report.conclusion, Conclusion::undetermined);
  EXPECT_EQ(report.identity, "none");
  EXPECT_EQ(report.integrity, Outcome::unknown);
  EXPECT_TRUE(has(report, Fault::no_trust_file));
  EXPECT_EQ(report.coverage.counter_anchored, 0u);
}

TEST(Appraiser, WithoutATrustFileInconsistencyIsStillTampering) {
  PaperLog log = lived();
  log.records[3].leaf[10] ^= 1;
  EXPECT_EQ(log.appraise(Options{}).conclusion, Conclusion::tampered);
  PaperLog swapped = lived();
  std::swap(swapped.entries[4], swapped.entries[6]);
  EXPECT_EQ(swapped.appraise(Options{}).conclusion, Conclusion::tampered);
}

TEST(Appraiser, BeforeTheFirstAnchorItIsUndetermined) {
  PaperLog log;
  log.events(2);
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::undetermined);
  EXPECT_TRUE(has(report, Fault::no_anchor));
  EXPECT_EQ(Appraiser(trusting(log)).report().conclusion, Conclusion::undetermined);
}

// Attack 1: one byte of one record, anywhere; below or above the last anchor.
TEST(Appraiser, AChangedContentIsNamedByItsIndex) {
  for (const std::size_t index : {0u, 4u, 11u}) {
    PaperLog log = lived();
    log.records[index].bytes[0] ^= 1;
    const Report report = log.appraise();
    EXPECT_EQ(report.conclusion, Conclusion::tampered);
    ASSERT_TRUE(has(report, Fault::commitment_mismatch));
    EXPECT_EQ(report.defects[0].at.what, Place::What::index);
    EXPECT_EQ(report.defects[0].at.value, index);
  }
}

// Attacks 2 and 3: all unkeyed hashes recomputed, so only the anchor's root tells.
TEST(Appraiser, ReplacedRemovedSwappedAndInsertedRecordsFailAtTheAnchor) {
  PaperLog replaced = lived();
  PaperLog other = lived();
  other.record(Kind::event, "forged");
  replaced.records[3] = other.records.back();
  const Report report = replaced.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
  EXPECT_TRUE(has(report, Fault::tree_root_mismatch));
  PaperLog removed = lived();
  removed.records.erase(removed.records.begin() + 4);
  EXPECT_EQ(removed.appraise().conclusion, Conclusion::tampered);
  PaperLog swapped = lived();
  std::swap(swapped.records[2], swapped.records[3]);
  EXPECT_EQ(swapped.appraise().conclusion, Conclusion::tampered);
  PaperLog inserted = lived();
  inserted.records.insert(inserted.records.begin() + 2, inserted.records[2]);
  EXPECT_EQ(inserted.appraise().conclusion, Conclusion::tampered);
}

// Attack 4: a cut above the last anchor is a shorter tail; at it, none; below it, records are
// missing.
TEST(Appraiser, ACutIsATailOrTampering) {
  PaperLog log = lived();
  log.records.resize(11);
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified);
  EXPECT_EQ(log.appraise().coverage.unanchored, 1u);
  log.records.resize(10);
  EXPECT_EQ(log.appraise().coverage.unanchored, 0u);
  log.records.resize(9);
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
  EXPECT_EQ(report.completeness, Outcome::fail);
  EXPECT_TRUE(has(report, Fault::records_missing));
  EXPECT_EQ(report.defects[0].at.value, 9u);
}

TEST(Appraiser, ATornGroupIsATailOnlyPastEveryStatement) {
  PaperLog log = lived();
  log.records.resize(10);
  Appraiser past(trusting(log));
  log.present(past);
  past.torn_group(10);
  const Report fine = past.report();
  EXPECT_EQ(fine.conclusion, Conclusion::verified);
  EXPECT_TRUE(has(fine, Finding::torn_tail));
  log.records.resize(9);
  Appraiser below(trusting(log));
  log.present(below);
  below.torn_group(9);
  EXPECT_EQ(below.report().conclusion, Conclusion::tampered);
}

// A statement without a receipt, too, was made over durable records.
TEST(Appraiser, RecordsOfAnOpenStatementMayNotBeMissing) {
  PaperLog log = lived();
  log.open_quote();
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified);
  EXPECT_TRUE(has(log.appraise(), Finding::open_intent));
  log.records.pop_back();
  EXPECT_EQ(log.appraise().conclusion, Conclusion::tampered);
}

TEST(Appraiser, ATornEntryIsATailOnlyAtTheEnd) {
  const PaperLog log = lived();
  Appraiser end(trusting(log));
  log.present(end);
  end.torn_entry(log.entries.size());
  const Report fine = end.report();
  EXPECT_EQ(fine.conclusion, Conclusion::verified);
  EXPECT_TRUE(has(fine, Finding::torn_journal_tail));
  Appraiser middle(trusting(log));
  log.present(middle);
  middle.torn_entry(3);
  EXPECT_TRUE(has(middle.report(), Fault::journal_damaged));
}

TEST(Appraiser, EveryEntryDroppedDoubledOrSwappedIsNoticed) {
  const PaperLog good = lived();
  for (std::size_t i = 0; i < good.entries.size(); ++i) {
    PaperLog dropped = good;
    dropped.entries.erase(dropped.entries.begin() + static_cast<std::ptrdiff_t>(i));
    // Without its last receipt, the last statement is merely open.
    const bool last = i + 1 == good.entries.size();
    EXPECT_EQ(dropped.appraise().conclusion, last ? Conclusion::verified : Conclusion::tampered)
        << i;
    PaperLog doubled = good;
    doubled.entries.insert(doubled.entries.begin() + static_cast<std::ptrdiff_t>(i),
                           good.entries[i]);
    const auto kind = static_cast<EntryKind>(good.entries[i].kind);
    if (kind != EntryKind::bundle) {
      EXPECT_EQ(doubled.appraise().conclusion, Conclusion::tampered) << i;
    }
    if (last) break;
    PaperLog swapped = good;
    std::swap(swapped.entries[i], swapped.entries[i + 1]);
    EXPECT_EQ(swapped.appraise().conclusion, Conclusion::tampered) << i;
  }
}

TEST(Appraiser, NoFlippedBitOfTheJournalIsVerifiedWithTheSameAnchors) {
  PaperLog good;
  good.start();
  good.events(1);
  good.quote();
  good.counter();
  ASSERT_EQ(good.appraise().conclusion, Conclusion::verified);
  for (std::size_t i = 0; i < good.entries.size(); ++i) {
    for (std::size_t bit = 0; bit < good.entries[i].payload.size() * 8; bit += 3) {
      PaperLog bad = good;
      bad.entries[i].payload[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      EXPECT_NE(bad.appraise().conclusion, Conclusion::verified) << "entry " << i << " bit " << bit;
    }
  }
}

// Attack 15 and 14: another TPM or another key, everything else copied.
TEST(Appraiser, AnotherTpmIsAPlatformFail) {
  const PaperLog log = lived();
  PaperLog other = lived();
  Options options = trusting(log);
  EXPECT_EQ(other.appraise(options).conclusion, Conclusion::tampered);
  // The same genesis, but receipts of another key.
  PaperLog forged = log;
  const Receipt theirs = other.tpm.read_back(genesis_digest(log.entries[0].payload), false);
  forged.entries[1].payload = encode(theirs);
  const Report report = forged.appraise();
  EXPECT_EQ(report.platform, Outcome::fail);
  EXPECT_TRUE(has(report, Fault::signer_mismatch));
}

TEST(Appraiser, ATrustFileThatContradictsItsGenesisIsRefused) {
  const PaperLog log = lived();
  Options options = trusting(log);
  options.trust->mode = Mode::b;
  EXPECT_TRUE(has(log.appraise(options), Fault::trust_malformed));
  options = trusting(log);
  options.trust->first_counter += 1;
  EXPECT_TRUE(has(log.appraise(options), Fault::counter_mismatch));
  options = trusting(log);
  options.trust->ak.back() ^= 1;
  EXPECT_TRUE(has(log.appraise(options), Fault::ak_unfit));
  options = trusting(log);
  options.trust->base_reset += 1;
  EXPECT_TRUE(has(log.appraise(options), Fault::run_mismatch));
}

// Attack 35, and source records that are too far, too late or of another kind.
TEST(Appraiser, ASourceIsASourceRecordBefore) {
  PaperLog log;
  const std::uint64_t source = log.record(Kind::source, "{}");
  log.record(Kind::event, "by it", source);
  EXPECT_FALSE(has(log.appraise(), Fault::source_invalid));
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{3}, kNoSource - 1}) {
    PaperLog bad = log;
    bad.record(Kind::event, "re-pointed", wrong);
    EXPECT_TRUE(has(bad.appraise(), Fault::source_invalid)) << wrong;
  }
}

TEST(Appraiser, ASourceIsForgottenAfterItsWindow) {
  Appraiser appraiser(Options{});
  const auto give = [&](Kind kind, std::uint64_t source) {
    CheckedRecord record;
    record.leaf.kind = kind;
    record.leaf.source = source;
    appraiser.records(std::span(&record, 1));
  };
  give(Kind::genesis, kNoSource);
  give(Kind::source, kNoSource);
  std::vector<CheckedRecord> many(kSourceWindow - 2);
  for (CheckedRecord& record : many) record.leaf.source = kNoSource;
  appraiser.records(many);
  give(Kind::event, 1);  // index 2^20: 2^20 - 1 after it
  give(Kind::event, 1);
  const Report report = appraiser.report();
  ASSERT_TRUE(has(report, Fault::source_invalid));
  for (const Defect& defect : report.defects) {
    EXPECT_TRUE(defect.fault != Fault::source_invalid || defect.at.value == kSourceWindow + 1);
  }
}

TEST(Appraiser, UnknownKindsAndVersionsAreUnknownNotFail) {
  PaperLog log = lived();
  log.record(static_cast<Kind>(0x30), "later");
  EXPECT_EQ(log.appraise().conclusion, Conclusion::verified);
  EXPECT_TRUE(has(log.appraise(), Finding::kind_opaque));
  log.record(static_cast<Kind>(0x80), "critical");
  EXPECT_EQ(log.appraise().conclusion, Conclusion::undetermined);
  EXPECT_TRUE(has(log.appraise(), Fault::kind_unknown));
  PaperLog version = lived();
  version.record(Kind::event, "of a later version");
  version.records.back().leaf[0] = 2;
  EXPECT_EQ(version.appraise().conclusion, Conclusion::undetermined);
  PaperLog entry = lived();
  entry.entries.push_back({0x20, {1, 2, 3}});
  EXPECT_EQ(entry.appraise().conclusion, Conclusion::verified);
  entry.entries.push_back({0x90, {1, 2, 3}});
  EXPECT_EQ(entry.appraise().conclusion, Conclusion::undetermined);
}

TEST(Appraiser, MissingAndErasedContentFails) {
  for (const auto state : {RecordView::State::missing, RecordView::State::erased}) {
    PaperLog log = lived();
    log.records[2].state = state;
    const Report report = log.appraise();
    EXPECT_TRUE(has(report, Fault::content_missing));
    EXPECT_EQ(report.completeness, Outcome::fail);
  }
  PaperLog log = lived();
  log.records[2].state = RecordView::State::codec_unknown;
  EXPECT_EQ(log.appraise().conclusion, Conclusion::undetermined);
}

TEST(Appraiser, TheFirstRecordIsTheJournalsGenesis) {
  PaperLog other;
  PaperLog log = lived();
  log.records[0] = other.records[0];
  EXPECT_TRUE(has(log.appraise(), Fault::genesis_mismatch));
  PaperLog none;
  none.records.clear();
  none.events(1);
  EXPECT_TRUE(has(none.appraise(), Fault::genesis_mismatch));
}

TEST(Appraiser, AnotherEraIsNotApproved) {
  PaperLog log = lived();
  log.record(Kind::era, "era 1");
  log.events(1);
  log.counter();
  EXPECT_EQ(log.appraise().conclusion, Conclusion::undetermined);
  EXPECT_TRUE(has(log.appraise(), Fault::era_not_approved));
}

TEST(Appraiser, RecordsWithoutAJournalFail) {
  PaperLog log = lived();
  log.entries.clear();
  EXPECT_TRUE(has(log.appraise(), Fault::journal_missing));
}

TEST(Appraiser, GapsAreCountedAsLost) {
  PaperLog log;
  log.record(Kind::gap, "{\"lost\":7,\"reason\":\"too_long\"}");
  log.record(Kind::gap, "{\"lost\":5,\"reason\":\"too_long\"}");
  log.start();
  EXPECT_EQ(log.appraise().coverage.lost, 12u);
  log.record(Kind::gap, "many");
  EXPECT_EQ(log.appraise().conclusion, Conclusion::tampered);
}

TEST(Appraiser, AFindingThatIsRequiredAbsentMakesItUndetermined) {
  const PaperLog log = lived();
  Options options = trusting(log);
  options.require = {Finding::unclean_end};
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::verified);
  options.require = {Finding::unanchored_tail};
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
}

// A flood of unknowns may not push a fail out of the list.
TEST(Appraiser, ListsAreBoundedAndFailsComeFirst) {
  PaperLog log;
  for (int i = 0; i < 300; ++i) log.record(static_cast<Kind>(0x90), "?");
  log.record(Kind::event, "x");
  log.records.back().bytes[0] ^= 1;
  const Report report = log.appraise();
  EXPECT_EQ(report.defects.size(), kMaxListed);
  EXPECT_EQ(report.defect_count, 302u) << "300 kinds, one fail, no anchor";
  EXPECT_EQ(report.defects[0].fault, Fault::commitment_mismatch);
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
}

TEST(Appraiser, WhatTheReaderFoundDamagedCounts) {
  const PaperLog log = lived();
  Appraiser appraiser(trusting(log));
  log.present(appraiser);
  appraiser.damaged({Fault::group_damaged, Place::index(4), "checksum"});
  EXPECT_EQ(appraiser.report().conclusion, Conclusion::tampered);
}

// A newer version wrote on: an older verifier cannot read it, and must not call it missing.
TEST(Appraiser, RecordsInASegmentOfAnotherVersionAreUnknownNotMissing) {
  PaperLog log = lived();
  log.records.resize(9);
  Appraiser appraiser(trusting(log));
  appraiser.damaged({Fault::version_unknown, Place::segment(1), "segment version 2"});
  log.present(appraiser);
  const Report report = appraiser.report();
  EXPECT_EQ(report.conclusion, Conclusion::undetermined) << to_text(report);
  EXPECT_EQ(report.completeness, Outcome::unknown);
  EXPECT_FALSE(has(report, Fault::records_missing));
  log.records[3].bytes.push_back('x');
  Appraiser bent(trusting(log));
  bent.damaged({Fault::version_unknown, Place::segment(1), "segment version 2"});
  log.present(bent);
  EXPECT_EQ(bent.report().conclusion, Conclusion::tampered) << "what can be read is still judged";
}

TEST(Appraiser, AnchorsInAJournalFileOfAnotherVersionAreUnknownNotContradicted) {
  PaperLog log = lived();
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  const Bytes answer = log.answer(*options.nonce);
  Appraiser whole(trusting(log));
  log.present(whole);
  ASSERT_EQ(whole.report().conclusion, Conclusion::verified);
  options.memory = whole.memory();
  for (const std::size_t kept : {std::size_t{0}, log.entries.size() - 2}) {
    PaperLog cut = log;
    cut.entries.resize(kept);
    EXPECT_EQ(cut.appraise(options, answer).conclusion, Conclusion::tampered);
    Appraiser appraiser(options);
    appraiser.answer(answer);
    cut.present(appraiser);
    appraiser.damaged({Fault::version_unknown, Place::entry(kept), "journal version 2"});
    const Report report = appraiser.report();
    EXPECT_EQ(report.conclusion, Conclusion::undetermined) << to_text(report);
    EXPECT_EQ(report.completeness, Outcome::unknown);
    EXPECT_NE(report.freshness, Outcome::pass);
  }
}

}  // namespace
}  // namespace stele::attest
