// Goal: a log of two eras is judged era by era, each by its own part of the trust file; the later
// one is approved by the auditor alone, and no era hides what the one before had anchored. Method:
// logs on paper; the second era on another TPM; the end of the first, its approval, the evidence
// and the auditor's memory bent one after another.

#include "attest/era.h"

#include <gtest/gtest.h>

#include "tests/support/examples.h"
#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::has;
using test::PaperLog;
using test::PaperTpm;

const Hash kNonce = hash(view("an auditor's nonce"));

PaperLog ended() {
  PaperLog log = test::lived();
  log.counter(kFinalOfShutdown);
  return log;
}

void live_on(PaperLog& log) {
  log.boot_id[0] = static_cast<std::uint8_t>(log.boot_id[0] + 1);
  log.start();
  log.events(3);
  log.counter();
  log.quote();
}

PaperLog two_eras() {
  PaperLog log = ended();
  log.begin_era(PaperTpm(), kNonce);
  live_on(log);
  return log;
}

Options approving(const PaperLog& log) {
  Options options = test::trusting(log);
  options.eras_approved = true;
  return options;
}

// What a verifier remembers who has just seen this log.
Memory memory_of(const PaperLog& log) {
  Options options = approving(log);
  Appraiser appraiser(options);
  log.present(appraiser);
  EXPECT_EQ(appraiser.report().conclusion, Conclusion::verified);
  return appraiser.memory().value();
}

Report appraise_remembering(const PaperLog& log, const Memory& memory, bool approved) {
  Options options = test::trusting(log);
  options.eras_approved = approved;
  options.memory = memory;
  return log.appraise(std::move(options));
}

TEST(Era, AnApprovedOneIsVerifiedThroughBothAndAnswersLive) {
  PaperLog log = two_eras();
  const Report report = log.appraise(approving(log));
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.completeness, Outcome::pass);
  EXPECT_TRUE(has(report, Finding::era_change));
  EXPECT_FALSE(has(report, Finding::era_given_up));
  EXPECT_EQ(report.log_id, log.trust.log_id);
  EXPECT_EQ(report.tree, log.head());
  EXPECT_EQ(report.counter_anchors, 5u + 2u);
  EXPECT_EQ(report.coverage.unanchored, 0u);

  Options options = approving(log);
  options.nonce = hash(view("another nonce"));
  options.memory = memory_of(log);
  const Bytes answer = log.answer(*options.nonce);
  EXPECT_EQ(log.appraise(options, answer).freshness, Outcome::pass);
  log.begin_era(PaperTpm(), kNonce);
  live_on(log);
  EXPECT_EQ(log.appraise(approving(log)).conclusion, Conclusion::verified) << "three eras";
}

TEST(Era, WithoutApprovalTheEndOfTheOneBeforeIsUnknown) {
  const PaperLog log = two_eras();
  const Report report = log.appraise();
  EXPECT_EQ(report.conclusion, Conclusion::undetermined);
  EXPECT_EQ(report.completeness, Outcome::unknown);
  EXPECT_EQ(report.integrity, Outcome::pass);
  EXPECT_TRUE(has(report, Fault::era_not_approved));
}

TEST(Era, TheTrustFileOfTheOneBeforeDoesNotJudgeIt) {
  PaperLog log = ended();
  const Memory memory = memory_of(log);
  Options options = test::trusting(log);
  log.begin_era(PaperTpm(), kNonce);
  live_on(log);
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
  EXPECT_TRUE(has(log.appraise(options), Fault::era_not_approved));
  options.eras_approved = true;
  options.memory = memory;
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
  options.memory->seq += 1;  // an anchor that the era begun here hides
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::tampered);
  options.memory.reset();
  options.nonce = kNonce;
  EXPECT_EQ(log.appraise(options, log.answer(kNonce)).conclusion, Conclusion::undetermined);
}

TEST(Era, WithoutATrustFileBothAreComparedAndNeitherIsBelieved) {
  PaperLog log = two_eras();
  EXPECT_EQ(log.appraise(Options{}).conclusion, Conclusion::undetermined);
  log.records[3].leaf[49] ^= 1;
  EXPECT_EQ(log.appraise(Options{}).conclusion, Conclusion::tampered);
}

TEST(Era, AVerifierThatRemembersTheEndNeedsNoApproval) {
  PaperLog log = ended();
  const Memory end = memory_of(log);
  log.begin_era(PaperTpm(), kNonce);
  live_on(log);
  const Report report = appraise_remembering(log, end, false);
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_TRUE(has(report, Finding::era_given_up));
}

TEST(Era, RememberingAnEarlierAnchorIsNotEnough) {
  PaperLog log = ended();
  const Memory earlier = memory_of(log);
  log.events(1);
  log.counter();
  log.begin_era(PaperTpm(), kNonce);
  live_on(log);
  EXPECT_EQ(appraise_remembering(log, earlier, false).conclusion, Conclusion::undetermined);
  EXPECT_EQ(appraise_remembering(log, earlier, true).conclusion, Conclusion::verified);
}

// The store as it was before the last anchor, its TPM further: a backup put back, or a rollback.
PaperLog restored() {
  PaperLog log = ended();
  const PaperLog backup = log;
  log.events(2);
  log.counter();
  PaperLog back = backup;
  back.tpm = log.tpm;
  return back;
}

TEST(Era, ARestoredBackupNeedsTheAuditorToGiveUpTheAnchorsThatAreGone) {
  PaperLog unsaid = restored();
  PaperLog said = unsaid;
  unsaid.begin_era(PaperTpm(), kNonce, 0);
  live_on(unsaid);
  EXPECT_EQ(unsaid.appraise().conclusion, Conclusion::undetermined);
  EXPECT_EQ(unsaid.appraise(approving(unsaid)).conclusion, Conclusion::undetermined)
      << "the TPM shows a step that this approval does not give up";
  said.begin_era(PaperTpm(), kNonce, 1);
  live_on(said);
  EXPECT_EQ(said.appraise().conclusion, Conclusion::undetermined);
  const Report report = said.appraise(approving(said));
  EXPECT_EQ(report.conclusion, Conclusion::verified);
  EXPECT_TRUE(has(report, Finding::era_given_up));
}

TEST(Era, WhatTheAuditorRemembersIsGivenUpOnlyByName) {
  PaperLog log = ended();
  PaperLog backup = log;
  log.events(2);
  log.counter();
  const Memory lost = memory_of(log);
  backup.tpm = log.tpm;
  PaperLog hidden = backup;
  hidden.begin_era(PaperTpm(), std::nullopt, 0);  // "its TPM is gone"
  live_on(hidden);
  EXPECT_EQ(appraise_remembering(hidden, lost, true).conclusion, Conclusion::tampered);
  EXPECT_EQ(appraise_remembering(hidden, lost, false).conclusion, Conclusion::tampered);
  PaperLog given_up = backup;
  given_up.begin_era(PaperTpm(), kNonce, 1);
  live_on(given_up);
  EXPECT_EQ(appraise_remembering(given_up, lost, true).conclusion, Conclusion::verified);
  EXPECT_EQ(appraise_remembering(given_up, lost, false).conclusion, Conclusion::tampered)
      << "nobody signed that the anchor is given up";
}

TEST(Era, GivingUpLaterAnchorsExcusesNoOtherAnchorAtTheEnd) {
  PaperLog log = ended();
  log.begin_era(PaperTpm(), std::nullopt, 5);
  live_on(log);
  const EarlierEra& before = log.trust.earlier[0];
  Memory memory;
  memory.log_id = before.pins.log_id;
  memory.seq = before.seq;
  memory.extend = before.extend;
  memory.digest = hash(view("a statement that is not there"));
  EXPECT_EQ(appraise_remembering(log, memory, true).conclusion, Conclusion::tampered);
  memory.quote_seq = 3;  // quote anchors after it were lost
  EXPECT_EQ(appraise_remembering(log, memory, true).conclusion, Conclusion::verified);
  memory.extend.bytes[0] ^= 1;
  EXPECT_EQ(appraise_remembering(log, memory, true).conclusion, Conclusion::tampered);
  memory.seq -= 1;
  EXPECT_EQ(appraise_remembering(log, memory, true).conclusion, Conclusion::tampered);
}

TEST(Era, AForeignWriterIsAStepToGiveUp) {
  for (const bool counter : {true, false}) {
    PaperLog log = ended();
    counter ? log.tpm.increment() : log.tpm.extend_index(hash(view("foreign")));
    PaperLog accepted = log;
    log.begin_era(PaperTpm(), kNonce, 0);
    live_on(log);
    EXPECT_EQ(log.appraise(approving(log)).conclusion, Conclusion::undetermined);
    accepted.begin_era(PaperTpm(), kNonce, 1);
    live_on(accepted);
    EXPECT_EQ(accepted.appraise(approving(accepted)).conclusion, Conclusion::verified);
  }
}

TEST(Era, AClearedTpmConfirmsNothingAndTheReportSaysSo) {
  PaperLog log = ended();
  log.begin_era(PaperTpm(), std::nullopt);
  live_on(log);
  EXPECT_EQ(log.appraise().conclusion, Conclusion::undetermined);
  const Report report = log.appraise(approving(log));
  EXPECT_EQ(report.conclusion, Conclusion::verified);
  EXPECT_TRUE(has(report, Finding::era_given_up));
  Options options = approving(log);
  options.require = {Finding::era_given_up};
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
}

// The second era alone, in a new store.
PaperLog lost_store(std::uint64_t lost) {
  PaperLog log = ended();
  log.records.clear();
  log.entries.clear();
  EarlierEra before{log.trust, 0, log.trust.first_extend, 0, lost};
  Genesis genesis;
  genesis.era = 1;
  genesis.previous_log_id = log.trust.log_id;
  genesis.previous_tree = log.head();
  genesis.tlvs = era_end_tlvs({0, log.trust.first_extend, std::nullopt});
  log.tpm = PaperTpm();
  log.trust.earlier = {std::move(before)};
  log.begin(std::move(genesis), Kind::genesis);
  live_on(log);
  return log;
}

TEST(Era, ALostStoreIsGivenUpAsAWhole) {
  const Memory old = memory_of(ended());
  EXPECT_EQ(lost_store(0).appraise().conclusion, Conclusion::undetermined);
  const PaperLog log = lost_store(old.seq);
  const Report report = log.appraise(approving(log));
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_TRUE(has(report, Finding::era_given_up));
  // The auditor's memory is of another copy of this paper log: its TPM key differs, its log_id too.
  Memory of_this = old;
  of_this.log_id = log.trust.earlier[0].pins.log_id;
  EXPECT_EQ(appraise_remembering(log, of_this, true).conclusion, Conclusion::verified);
  of_this.seq += 1;
  EXPECT_EQ(appraise_remembering(log, of_this, true).conclusion, Conclusion::tampered);
}

TEST(Era, EveryAnchorAndRecordOfTheOneBeforeMustBeThere) {
  const PaperLog good = two_eras();
  const std::size_t end = good.trust.earlier[0].size;
  for (std::size_t i = 0; i < end; ++i) {
    PaperLog log = good;
    log.records.erase(log.records.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(log.appraise(approving(log)).conclusion, Conclusion::tampered) << "record " << i;
  }
  std::size_t genesis = 1;
  while (good.entries[genesis].kind != static_cast<std::uint8_t>(EntryKind::genesis)) ++genesis;
  for (std::size_t i = 0; i <= genesis; ++i) {
    PaperLog log = good;
    log.entries.erase(log.entries.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(log.appraise(approving(log)).conclusion, Conclusion::verified) << "entry " << i;
    PaperLog cut = good;  // the last anchors of the era before
    cut.entries.erase(cut.entries.begin() + static_cast<std::ptrdiff_t>(i),
                      cut.entries.begin() + static_cast<std::ptrdiff_t>(genesis));
    if (i < genesis) {
      EXPECT_EQ(cut.appraise(approving(cut)).conclusion, Conclusion::tampered)
          << "from entry " << i;
    }
  }
}

TEST(Era, NoChangedByteOfTheLaterGenesisIsVerified) {
  const PaperLog good = two_eras();
  std::size_t at = 1;
  while (good.entries[at].kind != static_cast<std::uint8_t>(EntryKind::genesis)) ++at;
  const std::size_t size = good.entries[at].payload.size();
  for (std::size_t byte = 0; byte < size; byte += 5) {
    PaperLog log = good;
    log.entries[at].payload[byte] ^= static_cast<std::uint8_t>(1u << byte % 8);
    EXPECT_EQ(log.appraise(approving(log)).conclusion, Conclusion::tampered) << byte;
    // With the record changed too, and the trust file an unsigned one that pins it: nobody
    // approved.
    log.trust.log_id = log_id(log.entries[at].payload);
    EXPECT_NE(log.appraise().conclusion, Conclusion::verified) << byte;
  }
}

TEST(Era, AnApprovalForAnotherEndOrAnotherGenesisIsRefused) {
  const PaperLog good = two_eras();
  const auto bent = [&](void (*bend)(TrustFile&)) {
    Options options = approving(good);
    bend(*options.trust);
    return good.appraise(options).conclusion;
  };
  EXPECT_EQ(bent([](TrustFile&) {}), Conclusion::verified);
  EXPECT_EQ(bent([](TrustFile& t) { t.earlier[0].seq -= 1; }), Conclusion::tampered);
  EXPECT_EQ(bent([](TrustFile& t) { t.earlier[0].extend.bytes[0] ^= 1; }), Conclusion::tampered);
  EXPECT_EQ(bent([](TrustFile& t) { t.earlier[0].size -= 1; }), Conclusion::tampered);
  EXPECT_EQ(bent([](TrustFile& t) { t.log_id.bytes[0] ^= 1; }), Conclusion::tampered);
  EXPECT_EQ(bent([](TrustFile& t) { t.earlier[0].pins.log_id.bytes[0] ^= 1; }),
            Conclusion::tampered);
  EXPECT_EQ(bent([](TrustFile& t) { t.earlier[0].pins.first_counter += 1; }), Conclusion::tampered);
}

TEST(Era, TheEvidenceOfTheEndIsThatTpmsForThisEnd) {
  const PaperLog good = two_eras();
  const Genesis genesis = [&] {
    for (std::size_t i = good.entries.size(); i-- > 0;) {
      const auto decoded = decode_genesis(good.entries[i].payload);
      if (decoded) return *decoded;
    }
    return Genesis{};
  }();
  const TrustPins& before = good.trust.earlier[0].pins;
  ASSERT_TRUE(verify_era_end(genesis, before));
  EXPECT_TRUE(verify_era_end(genesis, before)->confirmed);
  EraEnd end = era_end_of(genesis).value();
  const auto bent = [&](const EraEnd& other, const TreeHead& tree) {
    Genesis changed = genesis;
    changed.tlvs = era_end_tlvs(other);
    changed.previous_tree = tree;
    const auto gap = verify_era_end(changed, before);
    return gap ? std::string(gap->confirmed ? "confirmed" : "open")
               : std::string(name(gap.error().fault));
  };
  EXPECT_EQ(bent(end, genesis.previous_tree), "confirmed");
  EXPECT_EQ(bent(end, {genesis.previous_tree.size - 1, genesis.previous_tree.root}),
            "receipt_extra_data");
  EraEnd other = end;
  other.seq -= 1;
  EXPECT_EQ(bent(other, genesis.previous_tree), "receipt_extra_data");
  other = end;
  other.shown->nonce.bytes[5] ^= 1;
  EXPECT_EQ(bent(other, genesis.previous_tree), "receipt_extra_data");
  other = end;
  other.shown->audit.counter += 1;
  EXPECT_EQ(bent(other, genesis.previous_tree), "receipt_digest");
  other = end;
  other.shown.reset();
  EXPECT_EQ(bent(other, genesis.previous_tree), "open");
  Genesis silent = genesis;
  silent.tlvs.clear();
  EXPECT_EQ(name(verify_era_end(silent, before).error().fault), "genesis_mismatch");
}

TEST(Era, TheEndAndTheRequestAreReadAndWrittenBackUnchanged) {
  const PaperLog log = two_eras();
  EraEnd end{7, hash(view("e")), std::nullopt};
  EXPECT_EQ(decode_era_end(encode(end)).value(), end);
  end.shown = EraEnd::Shown{kNonce, log.tpm.audit(Hash{}, Hash{})};
  const Bytes encoded = encode(end);
  EXPECT_EQ(decode_era_end(encoded).value(), end);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_FALSE(decode_era_end(ByteView(encoded).first(size)));
  }
  Bytes longer = encoded;
  longer.push_back(0);
  EXPECT_FALSE(decode_era_end(longer));

  const EraRequest request{log.entries[0].payload, log.trust};
  const std::string text = to_text(request);
  const auto read = parse_era_request(text);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(to_text(*read), text);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_era_request(text.substr(0, size)));
  }
  EXPECT_FALSE(parse_era_request(text + "\n"));
}

TEST(Era, ATrustFileListsEveryEraBeforeItsOwn) {
  PaperLog log = two_eras();
  log.begin_era(PaperTpm(), kNonce, 3);
  const std::string text = to_text(log.trust);
  EXPECT_EQ(parse_trust(text).value(), log.trust);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_trust(text.substr(0, size))) << size;
  }
  const std::string before = text.substr(text.find("stele-trust 1", 1));
  EXPECT_EQ(parse_trust(before).value().era, 1u) << "the file of the era before, whole";
  TrustFile bent = log.trust;
  bent.earlier[1].pins.era = 1;
  EXPECT_EQ(parse_trust(to_text(bent)).error().at.value, 53u);
  bent = log.trust;
  bent.earlier[0].pins.origin = "another.example/log";
  EXPECT_FALSE(parse_trust(to_text(bent)));
  std::string unknown = text;
  unknown.replace(unknown.find("previous_lost"), 13, "previous_gone");
  EXPECT_NE(parse_trust(unknown).error().detail.find("previous_lost"), std::string::npos);
}

// A host cannot know how its TPM was locked: its own file of the era is the auditor's all the same.
TEST(Era, IsTheSameHoweverItsTpmWasLocked) {
  TrustFile known = test::example_trust();
  known.mode = Mode::a;
  TrustFile claimed = known;
  known.locked_from_outside = true;
  EXPECT_TRUE(same_era(claimed, known) && same_era(known, claimed));
  EXPECT_FALSE(static_cast<const TrustPins&>(claimed) == known);
  claimed.pcr = 13;
  EXPECT_FALSE(same_era(claimed, known));
}

}  // namespace
}  // namespace stele::attest
