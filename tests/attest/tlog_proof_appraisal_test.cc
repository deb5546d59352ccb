// Goal: a tlog-proof is verified for its one record only by the pinned TPM's receipt for the very
// head of its checkpoint; what keys and witnesses say beside it is told, and makes nothing better.
// Method: proofs of a log on paper, with a log's and witnesses' keys of the test's own; each part
// exchanged with another record's, log's and era's; every bit and every truncation.
#include <gtest/gtest.h>

#include <span>

#include "attest/base64.h"
#include "attest/tlog_proof.h"
#include "attest/witness/cosignature.h"
#include "tests/support/note_signer.h"
#include "tests/support/paper_log.h"
#include "tests/support/paper_proof.h"

namespace stele::attest {
namespace {

using test::has;
using test::PaperLog;
using test::prove;
using test::trusting;
using Signature = CheckpointReport::Signature;

constexpr std::uint8_t kLogSeed = 7;

test::NoteSigner tlog_signer(const PaperLog& log) {
  return {log.trust.origin, kLogSeed};
}

PaperLog anchored_log(Mode mode = Mode::a) {
  PaperLog log(mode);
  log.start();
  log.events(4);
  log.counter();
  return log;
}

TlogProof tlog(const PaperLog& log, const Proof& proof) {
  const auto statement = decode_statement(proof.statement);
  const Checkpoint checkpoint{log.trust.origin, statement->tree, {}};
  return *make_tlog_proof(proof, tlog_signer(log).note(to_text(checkpoint)));
}
TlogProof tlog(const PaperLog& log, std::uint64_t index) {
  return tlog(log, prove(log, index, false));
}

Options keyed(const PaperLog& log) {
  Options options = trusting(log);
  options.log_key = tlog_signer(log).key();
  return options;
}

Report appraise_tlog(const TlogProof& proof, const Options& options) {
  return Appraiser::appraise_tlog_proof(to_text(proof), options);
}

TEST(TlogProofAppraisal, AGoodOneIsVerifiedAndSaysWhetherItsCheckpointWasLookedAt) {
  const PaperLog log = anchored_log();
  const TlogProof proof = tlog(log, 3);
  const Report pinned = appraise_tlog(proof, trusting(log));
  EXPECT_EQ(pinned.conclusion, Conclusion::verified) << to_text(pinned);
  EXPECT_EQ(pinned.checkpoint->signature, Signature::not_checked);
  EXPECT_TRUE(pinned.checkpoint->record_included);
  const Report report = appraise_tlog(proof, keyed(log));
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.checkpoint->signature, Signature::verified);
  EXPECT_EQ(report.coverage.counter_anchored, 1u);
  EXPECT_NE(
      to_json(report).find(R"("checkpoint":{"index":3,"record":"included","signature":"verified")"),
      std::string::npos)
      << to_json(report);
  EXPECT_EQ(appraise_tlog(proof, {}).conclusion, Conclusion::undetermined);
  Options asked = trusting(log);
  asked.nonce = hash(view("nonce"));
  EXPECT_EQ(appraise_tlog(proof, asked).conclusion, Conclusion::undetermined);
}

TEST(TlogProofAppraisal, WithoutAReceiptASignatureVerifiesNothing) {
  const PaperLog log = anchored_log();
  TlogProof proof = tlog(log, 3);
  proof.extra.reset();
  Options options = keyed(log);
  for (const bool told : {false, true}) {
    if (told) options.leaf_hash = leaf_hash(log.records[3].leaf);
    const Report report = appraise_tlog(proof, options);
    EXPECT_EQ(report.conclusion, Conclusion::undetermined);
    EXPECT_TRUE(has(report, Fault::no_anchor));
    EXPECT_EQ(report.integrity, Outcome::unknown);
    EXPECT_EQ(report.checkpoint->signature, Signature::verified);
    EXPECT_EQ(report.checkpoint->record_included, told);
    EXPECT_EQ(report.coverage.counter_anchored, 0u);
    EXPECT_FALSE(report.final_through);
  }
  options.leaf_hash = leaf_hash(log.records[2].leaf);
  EXPECT_TRUE(has(appraise_tlog(proof, options), Fault::proof_mismatch));
}

TEST(TlogProofAppraisal, ItMustBeOfTheRecordAskedFor) {
  const PaperLog log = anchored_log();
  Options options = trusting(log);
  options.leaf_hash = leaf_hash(log.records[3].leaf);
  EXPECT_EQ(appraise_tlog(tlog(log, 3), options).conclusion, Conclusion::verified);
  EXPECT_TRUE(has(appraise_tlog(tlog(log, 2), options), Fault::proof_mismatch));
  const Bytes own = encode(prove(log, 3, false)), other = encode(prove(log, 2, false));
  EXPECT_EQ(Appraiser::appraise_proof(own, options).conclusion, Conclusion::verified);
  EXPECT_EQ(Appraiser::appraise_proof(other, options).conclusion, Conclusion::tampered);
}

TEST(TlogProofAppraisal, NothingExchangedIsVerified) {
  const PaperLog log = anchored_log(), other = anchored_log();
  PaperLog later = log;
  later.events(3);
  later.counter();
  const TlogProof good = tlog(log, 3), newer = tlog(later, 3), foreign = tlog(other, 3);
  for (const Options& options : {trusting(log), keyed(log)}) {
    const auto conclusion = [&](const TlogProof& proof) {
      return appraise_tlog(proof, options).conclusion;
    };
    EXPECT_EQ(conclusion(good), Conclusion::verified);
    EXPECT_EQ(conclusion(foreign), Conclusion::tampered);
    TlogProof bad = good;
    bad.extra = tlog(log, 2).extra;
    EXPECT_EQ(conclusion(bad), Conclusion::tampered);
    bad.extra = foreign.extra;
    EXPECT_EQ(conclusion(bad), Conclusion::tampered);
    // A receipt of this log for another head than the checkpoint's: each half is right.
    bad = good;
    bad.extra = newer.extra;
    EXPECT_TRUE(has(appraise_tlog(bad, options), Fault::statement_mismatch));
    bad = newer;
    bad.extra = good.extra;
    EXPECT_TRUE(has(appraise_tlog(bad, options), Fault::statement_mismatch));
    bad = good;
    bad.path = newer.path;
    EXPECT_TRUE(has(appraise_tlog(bad, options), Fault::proof_mismatch));
    bad = good;
    bad.note.text = "other" + bad.note.text;
    EXPECT_EQ(conclusion(bad), Conclusion::tampered);
  }
}

TEST(TlogProofAppraisal, KeysAreTheVerifiersAndAForeignOneAccusesNobody) {
  const PaperLog log = anchored_log();
  const TlogProof good = tlog(log, 3);
  Options options = trusting(log);
  options.log_key = test::NoteSigner(log.trust.origin, kLogSeed + 1).key();
  const Report foreign = appraise_tlog(good, options);
  EXPECT_EQ(foreign.conclusion, Conclusion::undetermined);
  EXPECT_TRUE(has(foreign, Fault::checkpoint_unsigned));
  EXPECT_EQ(foreign.checkpoint->signature, Signature::unknown_key);
  TlogProof bad = good;
  bad.note.signatures[0].signature[5] ^= 1;
  const Report wrong = appraise_tlog(bad, keyed(log));
  EXPECT_EQ(wrong.conclusion, Conclusion::tampered);
  EXPECT_EQ(wrong.checkpoint->signature, Signature::invalid);
  // Under no key it is not looked at, and is said not to have been.
  EXPECT_EQ(appraise_tlog(bad, trusting(log)).checkpoint->signature, Signature::not_checked);
  // Lines that only a signature could vouch for.
  TlogProof longer = good;
  longer.note.text += "said by nobody\n";
  EXPECT_EQ(appraise_tlog(longer, trusting(log)).conclusion, Conclusion::undetermined);
  longer.note = tlog_signer(log).note(longer.note.text);
  EXPECT_EQ(appraise_tlog(longer, keyed(log)).conclusion, Conclusion::verified);
}

TEST(TlogProofAppraisal, CosignaturesInItCountUnderThePolicyAndOnlyUnderIt) {
  const PaperLog log = anchored_log();
  const NoteSigner witness(hash(view("witness")), "witness.example/w");
  TlogProof proof = tlog(log, 3);
  const TlogProof alone = proof;
  proof.note.signatures.push_back(cosign(witness, proof.note.text, 1'700'000'000));
  EXPECT_FALSE(appraise_tlog(proof, keyed(log)).witnesses);
  Options options = trusting(log);
  options.policy = *parse_policy("log " + to_text(tlog_signer(log).key()) + "\nwitness w " +
                                 to_text(cosigner_key(witness)) + "\nquorum w\n");
  const Report report = appraise_tlog(proof, options);
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.witnesses->quorum_through, proof.checkpoint.tree.size);
  EXPECT_EQ(report.checkpoint->signature, Signature::verified);
  EXPECT_TRUE(has(appraise_tlog(alone, options), Fault::quorum_not_reached));
  // Both vouch, and no TPM does: still nothing of what only it can say.
  proof.extra.reset();
  EXPECT_EQ(appraise_tlog(proof, options).conclusion, Conclusion::undetermined);
  EXPECT_EQ(appraise_tlog(proof, options).witnesses->quorum_through, proof.checkpoint.tree.size);
}

TEST(TlogProofAppraisal, AReceiptOfAnotherEraIsJudgedByThatErasPins) {
  PaperLog log = anchored_log();
  const TlogProof before = tlog(log, 3);
  log.begin_era(test::PaperTpm(), std::nullopt);
  log.start();
  const TlogProof after = tlog(log, 3);
  Options options = trusting(log);
  EXPECT_EQ(appraise_tlog(after, options).conclusion, Conclusion::undetermined);
  options.eras_approved = true;
  EXPECT_EQ(appraise_tlog(before, options).conclusion, Conclusion::verified);
  EXPECT_EQ(appraise_tlog(after, options).conclusion, Conclusion::verified);
  TlogProof bad = after;
  bad.extra = before.extra;
  EXPECT_EQ(appraise_tlog(bad, options).conclusion, Conclusion::tampered);
}

TEST(TlogProofAppraisal, WhoAddsCosignaturesToItDoesNoHarm) {
  const PaperLog log = anchored_log();
  TlogProof proof = tlog(log, 3);
  while (to_text(proof).size() <= 10 * kMaxTlogProofBytes) {
    proof.note.signatures.push_back({"post-quantum.example/w", 6, Bytes(2'428)});
  }
  const Report report = appraise_tlog(proof, keyed(log));
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  EXPECT_EQ(report.finding_count, 0u);
}

// What a proof says; a signature that nobody looked at is none of it.
struct Said {
  std::uint64_t index;
  InclusionProof path;
  Bytes extra;
  std::string checkpoint;
  bool operator==(const Said&) const = default;
};
Said said(const TlogProof& proof) {
  return {proof.index, proof.path, proof.extra.value_or(Bytes{}), proof.note.text};
}

TEST(TlogProofAppraisal, NoFlippedBitAndNoTruncationIsVerifiedWithChangedContent) {
  const PaperLog log = anchored_log();
  const NoteSigner witness(hash(view("witness")), "witness.example/w");
  TlogProof proof = tlog(log, prove(log, 3, true));
  proof.note.signatures.push_back(cosign(witness, proof.note.text, 1'700'000'000));
  const std::string good = to_text(proof);
  // Without a key, which accepts more; with one, where that looks at more: at the checkpoint.
  const Options options[] = {trusting(log), keyed(log)};
  std::size_t unchanged = 0;
  const auto check = [&](const std::string& text, bool with_key) {
    for (const Options& one : std::span(options).first(with_key ? 2 : 1)) {
      if (Appraiser::appraise_tlog_proof(text, one).conclusion != Conclusion::verified) continue;
      const auto read = parse_tlog_proof(text);
      ASSERT_TRUE(read);
      EXPECT_EQ(said(*read), said(proof)) << text;
      ++unchanged;
    }
  };
  check(good, true);
  EXPECT_EQ(unchanged, 2u);
  for (std::size_t size = 0; size < good.size(); ++size) check(good.substr(0, size), true);
  EXPECT_EQ(unchanged, 4u);  // and that without the whole line of the witness
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    check(bad, bit / 8 > good.find("\n\n"));
  }
}

}  // namespace
}  // namespace stele::attest
