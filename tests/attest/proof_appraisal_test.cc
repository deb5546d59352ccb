// Goal: a proof is verified for its one record, and only if record, path, statement and receipt are
// the pinned log's. Method: proofs of a log on paper; each part exchanged or bent; every truncation
// and bit.
#include <gtest/gtest.h>

#include "attest/proof.h"
#include "tests/support/paper_log.h"
#include "tests/support/paper_proof.h"

namespace stele::attest {
namespace {

using test::has;
using test::PaperLog;
using test::prove;
using test::trusting;

Report appraise(const PaperLog& log, const Proof& proof) {
  return Appraiser::appraise_proof(encode(proof), trusting(log));
}

PaperLog anchored(Mode mode = Mode::a) {
  PaperLog log(mode);
  log.start();
  log.events(4);
  log.counter();
  return log;
}

TEST(ProofAppraisal, AGoodProofIsVerifiedForItsRecord) {
  const PaperLog log = anchored();
  for (const bool content : {false, true}) {
    Proof proof = prove(log, 3, content);
    const Report report = appraise(log, proof);
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
    EXPECT_EQ(report.what, Presented::proof);
    EXPECT_EQ(report.coverage.counter_anchored, 1u);
    proof.receipt.quote.reset();
    EXPECT_EQ(appraise(log, proof).conclusion, Conclusion::verified);
    EXPECT_LE(encode(proof).size(), 2048u);
  }
}

TEST(ProofAppraisal, EachPartMustBeTheLogs) {
  const PaperLog log = anchored();
  const Proof good = prove(log, 3, true);
  Proof bad = good;
  bad.index = 2;
  EXPECT_TRUE(has(appraise(log, bad), Fault::proof_mismatch));
  bad = good;
  bad.path[0].bytes[0] ^= 1;
  EXPECT_TRUE(has(appraise(log, bad), Fault::proof_mismatch));
  bad = good;
  bad.content->bytes[0] ^= 1;
  EXPECT_TRUE(has(appraise(log, bad), Fault::commitment_mismatch));
  const PaperLog other = anchored();
  EXPECT_EQ(appraise(log, prove(other, 3, true)).conclusion, Conclusion::tampered);
  bad = good;
  bad.receipt = prove(other, 3, true).receipt;
  EXPECT_EQ(appraise(log, bad).conclusion, Conclusion::tampered);
}

TEST(ProofAppraisal, OfTheQuoteNothingIsTakenOnFaith) {
  const PaperLog log = anchored();
  Proof bad = prove(log, 3, false);
  bad.receipt.quote->pcrs[8].bytes[0] ^= 1;
  EXPECT_TRUE(has(appraise(log, bad), Fault::pcr_digest));
}

TEST(ProofAppraisal, AReadBackOnItsOwnIsUnknownInModeB) {
  for (const Mode mode : {Mode::a, Mode::b}) {
    PaperLog log(mode);
    log.start();
    log.events(2);
    log.open_counter();
    log.read_back_open(true);
    const Report report = appraise(log, prove(log, 1, false));
    EXPECT_EQ(report.conclusion, mode == Mode::a ? Conclusion::verified : Conclusion::undetermined);
  }
}

TEST(ProofAppraisal, InModeBNoProofShowsThatItsAnchorIsFinal) {
  for (const Mode mode : {Mode::a, Mode::b}) {
    PaperLog log = anchored(mode);
    const Proof proof = prove(log, 3, false);
    const Report report = appraise(log, proof);
    EXPECT_EQ(report.conclusion, Conclusion::verified);
    if (mode == Mode::a) {
      EXPECT_EQ(report.final_through, (FinalThrough{2, 5, FinalThrough::By::mode_a}));
    } else {
      EXPECT_FALSE(report.final_through);
      EXPECT_NE(to_text(report).find("final          cannot be told"), std::string::npos);
    }
    Proof bad = proof;
    bad.path[0].bytes[0] ^= 1;
    EXPECT_FALSE(appraise(log, bad).final_through);
  }
}

TEST(ProofAppraisal, WithoutTrustOrWithANonceItIsUndetermined) {
  const PaperLog log = anchored();
  const Bytes proof = encode(prove(log, 3, true));
  EXPECT_EQ(Appraiser::appraise_proof(proof, {}).conclusion, Conclusion::undetermined);
  Options options = trusting(log);
  options.nonce = hash(view("nonce"));
  EXPECT_EQ(Appraiser::appraise_proof(proof, options).conclusion, Conclusion::undetermined);
}

TEST(ProofAppraisal, NoTruncationAndNoFlippedBitIsVerified) {
  const PaperLog log = anchored();
  const Options options = trusting(log);
  const Bytes good = encode(prove(log, 3, true));
  ASSERT_EQ(Appraiser::appraise_proof(good, options).conclusion, Conclusion::verified);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(Appraiser::appraise_proof(ByteView(good).first(size), options).conclusion,
              Conclusion::verified);
  }
  for (std::size_t bit = 0; bit < good.size() * 8; bit += 3) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_NE(Appraiser::appraise_proof(bad, options).conclusion, Conclusion::verified) << bit;
  }
}

TEST(ProofAppraisal, AProofOfEitherEraIsVerifiedByAnApprovedTrustFileOfTheLater) {
  PaperLog log = anchored();
  const Proof old_anchor = prove(log, 3, true);
  PaperLog further = log;
  further.events(1);
  further.counter();
  const Proof dropped = prove(further, 3, true);  // by an anchor that the next era leaves out
  log.begin_era(test::PaperTpm(), std::nullopt);
  log.start();
  const Proof new_anchor = prove(log, 3, true);
  for (const Proof& proof : {old_anchor, new_anchor}) {
    Options options = trusting(log);
    EXPECT_EQ(Appraiser::appraise_proof(encode(proof), options).conclusion,
              Conclusion::undetermined);
    options.eras_approved = true;
    const Report report = Appraiser::appraise_proof(encode(proof), options);
    EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
    EXPECT_EQ(Appraiser::appraise_proof(encode(dropped), options).conclusion, Conclusion::tampered);
  }
}

}  // namespace
}  // namespace stele::attest
