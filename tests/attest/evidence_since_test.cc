// Goal: evidence that begins behind what a verifier remembers leads to the verdict that the whole
// log would, whatever happened to the TPM since, and whoever chooses where it begins gains nothing.
// Method: random lives of a log on paper; at every receipt a verifier remembers; from each of those
// memories the rest is judged alone and compared with the judgement of the whole. Then attacks.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/paper_evidence.h"

namespace stele::attest {
namespace {

using test::bundle_of;
using test::EvidenceWish;
using test::has;
using test::judging;
using test::lived;
using test::PaperLog;
using test::remembered;

// One thing that happens to a host; what comes after it is a log that goes on.
void happen(PaperLog& log, unsigned what) {
  const auto quotable = [&log] { return !log.chain->needs_counter_anchor(); };
  switch (what) {
    case 0:
      log.events(3);
      return;
    case 1:
      if (quotable()) log.quote();
      return;
    case 2:
      return log.counter();
    case 3:  // a clean reboot
      log.counter(kFinalOfShutdown);
      log.boot();
      return log.start();
    case 4:  // a power cut
      log.boot();
      return log.start();
    case 5:
      log.tpm.resume();
      return log.start();
    case 6:
      log.tpm.restart();
      return log.start();
    case 7:  // killed within a counter anchor, the daemon again
      log.open_counter();
      log.tpm.increment();
      log.bundle();
      log.read_back_open(true);
      log.counter();
      return log.counter();
    case 8:  // the power cut there
      log.open_counter();
      log.tpm.increment();
      log.boot();
      log.bundle();
      log.read_back_open(false);
      log.counter();
      return log.counter();
    case 9:  // a quote anchor lost with its run, or kept through a Resume
    case 10:
      if (!quotable()) return;
      log.open_quote();
      what == 9 ? log.boot() : log.tpm.resume();
      log.bundle();
      log.voided(log.chain->void_reason());
      return log.counter();
    case 11:
      return log.remark(RemarkCode::pause);
    default:  // the daemon again
      return log.start();
  }
}

EvidenceWish since(const Memory& memory, bool records) {
  EvidenceWish wish;
  wish.since = memory;
  if (!records) wish.shown.emplace();
  return wish;
}

// The whole log, judged by who remembers that of it.
AppraisedEvidence whole(const PaperLog& log, const Memory& memory) {
  return appraise_evidence(bundle_of(log), judging(log, memory));
}

TEST(EvidenceSince, WhateverHappenedSinceTheVerdictIsThatOfTheWholeLog) {
  std::size_t judged = 0, quotes = 0, other_runs = 0;
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937 random(seed);
    PaperLog log(seed % 2 == 0 ? Mode::a : Mode::b);
    log.start();
    std::vector<Memory> memories;
    for (int step = 0; step < 25; ++step) {
      happen(log, static_cast<unsigned>(random() % 13));
      if (log.appraise().conclusion == Conclusion::verified) memories.push_back(remembered(log));
    }
    log.events(2);
    log.counter();
    for (const Memory& memory : memories) {
      if (memory == remembered(log)) continue;
      const AppraisedEvidence expected = whole(log, memory);
      for (const bool records : {false, true}) {
        const AppraisedEvidence got =
            appraise_evidence(bundle_of(log, since(memory, records)), judging(log, memory));
        ASSERT_EQ(got.report.conclusion, expected.report.conclusion)
            << "seed " << seed << "\n"
            << to_text(got.report) << to_text(expected.report);
        EXPECT_EQ(got.memory, expected.memory);
        EXPECT_EQ(got.report.tree, expected.report.tree);
        EXPECT_EQ(got.report.coverage.counter_anchored, expected.report.coverage.counter_anchored);
        EXPECT_EQ(got.report.coverage.quote_anchored, expected.report.coverage.quote_anchored);
        EXPECT_EQ(got.report.held->since->size, memory.tree.size);
        ++judged;
      }
      quotes += memory.quote_seq > 0;
      other_runs += memory.run != log.chain->run();
    }
  }
  EXPECT_GT(judged, 200u);
  EXPECT_GT(quotes, 5u);
  EXPECT_GT(other_runs, 50u);
}

// Findings too, where the records are shown.
TEST(EvidenceSince, AnUncleanEndSinceIsFoundWithItsExposedRecords) {
  PaperLog log = lived();
  const Memory memory = remembered(log);
  log.boot();
  log.start();
  const Report report =
      appraise_evidence(bundle_of(log, since(memory, true)), judging(log, memory)).report;
  EXPECT_EQ(report.conclusion, Conclusion::verified);
  ASSERT_TRUE(has(report, Finding::unclean_end)) << to_text(report);
  EXPECT_EQ(report.coverage.unclean_ends, 1u);
  EXPECT_EQ(report.coverage.boots, 1u);
}

TEST(EvidenceSince, AMemorysTextIsReadBackAndNothingElse) {
  const Memory memory = remembered(lived());
  const std::string text = to_text(memory);
  ASSERT_TRUE(parse_memory(text));
  EXPECT_EQ(*parse_memory(text), memory);
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(parse_memory(text.substr(0, i)));
    std::string bent = text;
    bent[i] = static_cast<char>(bent[i] ^ 1);
    const auto parsed = parse_memory(bent);
    EXPECT_TRUE(!parsed || to_text(*parsed) == bent);
  }
  std::string older = text;
  older.replace(older.find('2'), 1, "1");
  EXPECT_EQ(parse_memory(older).error().at.value, 1u);
}

// Nothing new: then only an answer to a nonce says that this is still all.
TEST(EvidenceSince, NothingSinceIsUndeterminedUntilTheHostAnswers) {
  PaperLog log = lived();
  const Hash nonce = hash(view("nonce"));
  const Bytes answer = log.answer(nonce);
  const Memory memory = remembered(log);
  EvidenceWish wish = since(memory, false);
  const Report silent = appraise_evidence(bundle_of(log, wish), judging(log, memory)).report;
  EXPECT_EQ(silent.conclusion, Conclusion::undetermined);
  EXPECT_TRUE(has(silent, Fault::no_anchor));
  wish.answer = answer;
  EvidenceOptions options = judging(log, memory);
  options.nonce = nonce;
  const AppraisedEvidence fresh = appraise_evidence(bundle_of(log, wish), options);
  EXPECT_EQ(fresh.report.conclusion, Conclusion::verified) << to_text(fresh.report);
  EXPECT_EQ(fresh.report.freshness, Outcome::pass);
  EXPECT_EQ(fresh.memory, memory);
  // The host went on, and shows nothing of it.
  PaperLog gone_on = log;
  gone_on.counter();
  wish.answer = gone_on.answer(nonce);
  EXPECT_EQ(appraise_evidence(bundle_of(log, wish), options).report.conclusion,
            Conclusion::tampered);
}

// The host chooses where it begins: anywhere else than the memory leads nowhere.
TEST(EvidenceSince, AnotherStartThanTheOneRememberedIsUnknown) {
  PaperLog log = lived();
  const Memory old = remembered(log);
  log.events(1);
  log.counter();
  const Memory newer = remembered(log);
  log.events(1);
  log.counter();
  for (const auto& options : {judging(log), judging(log, newer)}) {
    const Report report = appraise_evidence(bundle_of(log, since(old, true)), options).report;
    EXPECT_EQ(report.conclusion, Conclusion::undetermined) << to_text(report);
    EXPECT_TRUE(has(report, Fault::start_unknown));
    EXPECT_EQ(report.integrity, Outcome::unknown);
  }
  EXPECT_EQ(
      appraise_evidence(bundle_of(log, since(newer, true)), judging(log, newer)).report.conclusion,
      Conclusion::verified);
}

// A fork behind the statement remembered, or one that lacks it and says otherwise.
TEST(EvidenceSince, AHistoryWithoutTheRememberedStatementIsTampering) {
  PaperLog log = lived();
  PaperLog fork = log;
  log.events(2);
  log.counter();
  const Memory memory = remembered(log);
  fork.events(4);
  fork.counter();
  fork.events(2);
  fork.counter();
  // As from the fork's own statement, renamed to the one remembered.
  Memory claimed = remembered(fork);
  const auto renamed = [&](Bytes bundle) {
    auto at = std::search(bundle.begin(), bundle.end(), claimed.digest.bytes.begin(),
                          claimed.digest.bytes.end());
    std::copy(memory.digest.bytes.begin(), memory.digest.bytes.end(), at);
    return test::sealed_again(std::move(bundle));
  };
  fork.events(1);
  fork.counter();
  const Report other_tree =
      appraise_evidence(renamed(bundle_of(fork, since(claimed, false))), judging(log, memory))
          .report;
  EXPECT_EQ(other_tree.conclusion, Conclusion::tampered) << to_text(other_tree);
  // The same records in both, so that the tree fits: the chain of statements does not.
  PaperLog twin = lived();
  PaperLog honest = twin;
  honest.counter();
  twin.pass(77);
  twin.counter();
  const Memory seen = remembered(honest);
  claimed = remembered(twin);
  twin.counter();
  const auto copied = [&](Bytes bundle) {
    auto at = std::search(bundle.begin(), bundle.end(), claimed.digest.bytes.begin(),
                          claimed.digest.bytes.end());
    std::copy(seen.digest.bytes.begin(), seen.digest.bytes.end(), at);
    return test::sealed_again(std::move(bundle));
  };
  EvidenceOptions options = judging(twin, seen);
  options.trust = honest.trust;
  const Report other_chain =
      appraise_evidence(copied(bundle_of(twin, since(claimed, false))), options).report;
  EXPECT_EQ(other_chain.conclusion, Conclusion::tampered) << to_text(other_chain);
}

// Anchors cut out of what came since; what was cut off the end is the nonce's to find.
TEST(EvidenceSince, AnchorsCutOutAreMissed) {
  PaperLog log = lived();
  const Memory memory = remembered(log);
  const std::size_t begin = log.entries.size();
  for (int i = 0; i < 3; ++i) {
    log.events(1);
    log.quote();
    log.counter();
  }
  for (std::size_t from = begin; from < log.entries.size(); ++from) {
    for (std::size_t to = from + 1; to < log.entries.size(); ++to) {
      PaperLog cut = log;
      cut.entries.erase(cut.entries.begin() + static_cast<std::ptrdiff_t>(from),
                        cut.entries.begin() + static_cast<std::ptrdiff_t>(to));
      const Report report =
          appraise_evidence(bundle_of(cut, since(memory, false)), judging(log, memory)).report;
      EXPECT_EQ(report.conclusion, Conclusion::tampered) << from << " to " << to;
    }
  }
}

// Records behind the start may name a source before it: that one comes with its own path.
TEST(EvidenceSince, ASourceFromBeforeTheStartComesWithItsPath) {
  PaperLog log;
  log.start();
  log.events(3);
  const std::uint64_t source = log.record(Kind::source, "who");
  log.events(2);
  log.counter();
  const Memory memory = remembered(log);
  log.record(Kind::event, "said", source);
  log.counter();
  EvidenceWish wish = since(memory, true);
  wish.earlier = {source};
  const Bytes good = bundle_of(log, wish);
  const Report report = appraise_evidence(good, judging(log, memory)).report;
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.held->records, 2u);
  wish.earlier.clear();
  EXPECT_TRUE(has(appraise_evidence(bundle_of(log, wish), judging(log, memory)).report,
                  Fault::records_missing));
  wish.earlier = {2};  // shown, but not the one that is named
  EXPECT_TRUE(has(appraise_evidence(bundle_of(log, wish), judging(log, memory)).report,
                  Fault::records_missing));
  wish.earlier = {source};
  const Bytes forged = bundle_of(log, wish, [&](std::uint64_t index, PaperLog::Record& record) {
    if (index == source) record.leaf[3] ^= 1;  // its time
  });
  EXPECT_TRUE(has(appraise_evidence(forged, judging(log, memory)).report, Fault::proof_mismatch));
}

// A source is of the era of the record that names it, which evidence behind the era's begin must
// not hide.
TEST(EvidenceSince, ASourceOfAnEarlierEraIsRefusedAsInTheWholeLog) {
  PaperLog log;
  log.start();
  const std::uint64_t before = log.record(Kind::source, "who it was");
  log.counter();
  log.begin_era(test::PaperTpm(), hash(view("end")));
  log.start();
  const std::uint64_t source = log.record(Kind::source, "who it is");
  log.counter();
  const Memory memory = remembered(log);
  const auto saying = [&](std::uint64_t named) {
    PaperLog said = log;
    said.record(Kind::event, "said", named);
    said.counter();
    return said;
  };
  const auto judged = [&](const PaperLog& said, std::uint64_t named) {
    EvidenceWish wish = since(memory, true);
    wish.earlier = {named};
    EvidenceOptions options = judging(said, memory);
    options.eras_approved = true;
    return appraise_evidence(bundle_of(said, wish), options).report;
  };
  const Report good = judged(saying(source), source);
  EXPECT_EQ(good.conclusion, Conclusion::verified) << to_text(good);
  const PaperLog lying = saying(before);
  EXPECT_TRUE(has(lying.appraise(), Fault::source_invalid));
  EXPECT_TRUE(has(judged(lying, before), Fault::source_invalid));
}

// The trust file pins another era's log; the memory is of one that ended since.
TEST(EvidenceSince, AMemoryOfTheEraBeforeLeadsIntoTheNext) {
  PaperLog log = lived();
  const Memory memory = remembered(log);
  log.counter();
  log.begin_era(test::PaperTpm(), hash(view("end")));
  log.start();
  log.events(2);
  log.counter();
  EvidenceOptions options = judging(log, memory);
  EXPECT_EQ(appraise_evidence(bundle_of(log, since(memory, false)), options).report.conclusion,
            Conclusion::undetermined);
  options.eras_approved = true;
  const AppraisedEvidence got = appraise_evidence(bundle_of(log, since(memory, false)), options);
  EXPECT_EQ(got.report.conclusion, Conclusion::verified) << to_text(got.report);
  ASSERT_TRUE(got.memory);
  EXPECT_EQ(got.memory->log_id, log.trust.log_id);
  options.trust = lived(Mode::b).trust;
  EXPECT_EQ(appraise_evidence(bundle_of(log, since(memory, false)), options).report.conclusion,
            Conclusion::tampered);
}

}  // namespace
}  // namespace stele::attest
