// Goal: only the host's own TPM, now, over the log presented, makes an answer fresh; what a
// verifier remembers must be in what is presented. Method: logs on paper; root cuts, relabels,
// relays and replays; each with the benign twin.
#include "attest/live_answer.h"

#include <gtest/gtest.h>

#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::has;
using test::lived;
using test::PaperLog;
using test::trusting;

// Attack 5: anchors cut from the end pass offline up to where they end, but not a challenge.
TEST(LiveAnswer, CutAnchorsPassOfflineAndFailAChallenge) {
  PaperLog log = lived();
  const PaperLog before = log;
  log.events(1);
  log.counter();
  PaperLog cut = before;
  cut.tpm = log.tpm;  // the chip went on
  EXPECT_EQ(cut.appraise().conclusion, Conclusion::verified);
  Options options = trusting(cut);
  options.nonce = hash(view("nonce"));
  // Root lets the real TPM answer for the cut log.
  Answer answer{*options.nonce,
                cut.chain->log_id(),
                cut.chain->newest_statement()->seq,
                cut.chain->newest_statement()->quote_seq,
                cut.chain->newest_digest(),
                cut.chain->tree_size(),
                {},
                {}};
  cut.tpm.answer(answer);
  const Report report = cut.appraise(options, encode(answer));
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
  EXPECT_EQ(report.freshness, Outcome::fail);
  EXPECT_TRUE(has(report, Fault::answer_mismatch));
}

// Attack 28: quote anchors cut within the run: C and E agree, P does not.
TEST(LiveAnswer, CutQuoteAnchorsFailAChallenge) {
  PaperLog log = lived();
  const PaperLog before = log;
  log.events(1);
  log.quote();
  PaperLog cut = before;
  cut.tpm = log.tpm;
  Options options = trusting(cut);
  options.nonce = hash(view("nonce"));
  Answer answer{*options.nonce,
                cut.chain->log_id(),
                cut.chain->newest_statement()->seq,
                cut.chain->newest_statement()->quote_seq,
                cut.chain->newest_digest(),
                cut.chain->tree_size(),
                {},
                {}};
  cut.tpm.answer(answer);
  const Report report = cut.appraise(options, encode(answer));
  EXPECT_EQ(report.conclusion, Conclusion::tampered);
  EXPECT_NE(to_text(report).find("P is not the fold"), std::string::npos) << to_text(report);
}

TEST(LiveAnswer, AnHonestAnswerIsFreshEvenIfTheLogHasGrownSince) {
  PaperLog log = lived();
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  const Bytes answer = log.answer(*options.nonce);
  const Report report = log.appraise(options, answer);
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.freshness, Outcome::pass);
  log.events(1);
  log.counter();
  EXPECT_EQ(log.appraise(options, answer).freshness, Outcome::pass);
}

TEST(LiveAnswer, AnAnswerGivenLastIsJudgedAgainstTheNewestStatement) {
  PaperLog log = lived();
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  const Bytes answer = log.answer(*options.nonce);
  Appraiser appraiser(options);
  log.present(appraiser);
  appraiser.answer(answer);
  EXPECT_EQ(appraiser.report().freshness, Outcome::pass);
}

// Attack 17: an old answer, a relabelled one, another host's.
TEST(LiveAnswer, OldRelabelledAndRelayedAnswersFail) {
  PaperLog log = lived();
  Options options = trusting(log);
  options.nonce = hash(view("new nonce"));
  const Bytes old = log.answer(hash(view("old nonce")));
  EXPECT_TRUE(has(log.appraise(options, old), Fault::nonce_mismatch));
  Answer relabelled = *decode_answer(old);
  relabelled.nonce = *options.nonce;
  EXPECT_TRUE(has(log.appraise(options, encode(relabelled)), Fault::nonce_mismatch));
  PaperLog other = lived();
  Answer relayed = *decode_answer(log.answer(*options.nonce));
  other.tpm.answer(relayed);
  const Report report = log.appraise(options, encode(relayed));
  EXPECT_TRUE(has(report, Fault::signer_mismatch));
  EXPECT_EQ(report.platform, Outcome::fail);
}

// Attack 32: the fold of a cut log in a PCR that anybody can reset, quoted for the nonce.
TEST(LiveAnswer, AQuoteOverOtherPcrsIsCalledThatAndNotAContradiction) {
  PaperLog log = lived();
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  const Answer good = *decode_answer(log.answer(*options.nonce));
  Bytes values;
  for (const Hash& value : good.quote.pcrs) {
    values.insert(values.end(), value.bytes.begin(), value.bytes.end());
  }
  const std::uint32_t firmware = 0xff, p = 1u << log.trust.pcr;
  for (const std::uint32_t selected : {firmware | p, firmware | 1u << 16, p, firmware, 0u}) {
    Answer answer = good;
    answer.quote.signed_attestation = log.tpm.sign(
        log.tpm.attest_quote(selected, hash(values).bytes, answer_extra_data(answer).bytes));
    const Report report = log.appraise(options, encode(answer));
    if (selected == (firmware | p)) {
      EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
      continue;
    }
    EXPECT_EQ(report.conclusion, Conclusion::tampered);
    EXPECT_EQ(report.integrity, Outcome::fail);
    EXPECT_EQ(report.freshness, Outcome::unknown);
    EXPECT_TRUE(has(report, Fault::pcr_selection));
    EXPECT_FALSE(has(report, Fault::answer_mismatch)) << to_text(report);
  }
}

TEST(LiveAnswer, ANonceWithoutAnAnswerIsUndetermined) {
  const PaperLog log = lived();
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::undetermined);
  EXPECT_TRUE(has(log.appraise(options), Fault::answer_missing));
  EXPECT_EQ(log.appraise(options, Bytes{1, 2, 3}).conclusion, Conclusion::tampered);
  Appraiser appraiser(options);
  appraiser.answer({});
  log.present(appraiser);
  EXPECT_EQ(appraiser.report().conclusion, Conclusion::undetermined) << "the host gave none";
  EXPECT_TRUE(has(appraiser.report(), Fault::answer_missing));
}

TEST(LiveAnswer, AResetBeforeTheAnswerIsUnknownNotFail) {
  PaperLog log = lived();
  log.quote();
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  const Statement newest = *log.chain->newest_statement();
  Answer answer{*options.nonce,
                log.chain->log_id(),
                newest.seq,
                newest.quote_seq,
                log.chain->newest_digest(),
                newest.tree.size,
                {},
                {}};
  log.boot();
  log.tpm.answer(answer);
  const Report report = log.appraise(options, encode(answer));
  EXPECT_EQ(report.conclusion, Conclusion::undetermined) << to_text(report);
  EXPECT_TRUE(has(report, Fault::answer_run_changed));
}

TEST(LiveAnswer, NoBitOfAnAnswerMayFlip) {
  PaperLog log = lived();
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  const Bytes good = log.answer(*options.nonce);
  for (std::size_t bit = 0; bit < good.size() * 8; bit += 13) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_NE(log.appraise(options, bad).freshness, Outcome::pass) << bit;
  }
}

// Attacks 21 and 29: only a verifier that remembers sees them.
TEST(Memory, MustBeFoundInWhatIsPresented) {
  PaperLog log = lived();
  const PaperLog earlier = log;
  log.events(1);
  log.quote();
  Appraiser first(trusting(log));
  log.present(first);
  ASSERT_EQ(first.report().conclusion, Conclusion::verified);
  Options options = trusting(log);
  options.memory = first.memory();
  ASSERT_TRUE(options.memory);
  log.events(2);
  log.counter();
  EXPECT_EQ(log.appraise(options).conclusion, Conclusion::verified);
  const Report cut = earlier.appraise(options);
  EXPECT_EQ(cut.conclusion, Conclusion::tampered);
  EXPECT_TRUE(has(cut, Fault::memory_mismatch));
  // TPM and data put back together, then another history.
  PaperLog forked = earlier;
  forked.record(Kind::event, "another");
  forked.quote();
  forked.events(2);
  forked.counter();
  EXPECT_EQ(forked.appraise().conclusion, Conclusion::verified);
  EXPECT_EQ(forked.appraise(options).conclusion, Conclusion::tampered);
}

TEST(Memory, NothingIsRememberedOfALogThatWasNotVerified) {
  PaperLog log = lived();
  log.records[2].bytes[0] ^= 1;
  Appraiser appraiser(trusting(log));
  log.present(appraiser);
  EXPECT_EQ(appraiser.report().conclusion, Conclusion::tampered);
  EXPECT_FALSE(appraiser.memory());
}

TEST(Memory, TextInvertsAndIsStrict) {
  PaperLog log = lived();
  Appraiser appraiser(trusting(log));
  log.present(appraiser);
  ASSERT_EQ(appraiser.report().conclusion, Conclusion::verified);
  const Memory memory = *appraiser.memory();
  const std::string text = to_text(memory);
  ASSERT_TRUE(parse_memory(text));
  EXPECT_EQ(*parse_memory(text), memory);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(parse_memory(text.substr(0, size))) << size;
  EXPECT_FALSE(parse_memory(text + "more 1\n"));
  std::string padded = text;
  padded.insert(padded.find("seq ") + 4, "0");
  EXPECT_EQ(parse_memory(padded).error().at.value, 3u);
}

}  // namespace
}  // namespace stele::attest
