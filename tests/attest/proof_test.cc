// Goal: proofs and answers are read and written back unchanged, and nothing else is one.
// Method: values signed by a TPM on paper, with and without each optional part; every prefix; each
// rule of the format broken once.
#include "attest/proof.h"

#include <gtest/gtest.h>

#include "attest/answer.h"
#include "attest/codec.h"
#include "tests/support/examples.h"
#include "tests/support/paper_tpm.h"

namespace stele::attest {
namespace {

constexpr std::size_t kPartsAt = 10, kPathCountAt = 69;

Proof example_proof(std::size_t path, bool with_quote, bool with_content) {
  test::PaperTpm tpm;
  Proof proof;
  proof.index = 5;
  proof.leaf = encode(test::example_leaf());
  for (std::size_t i = 0; i < path; ++i) proof.path.push_back(test::filled(static_cast<std::uint8_t>(i)));
  proof.statement = encode(test::example_statement());
  proof.receipt = tpm.read_back(statement_digest(proof.statement), with_quote);
  if (with_content) {
    const Bytes tlvs = test::example_tlvs();
    proof.content = Proof::OwnedContent{test::filled(0x5a), tlvs, Bytes{'a', 'b', 0}};
  }
  return proof;
}

TEST(Proof, IsReadAndWrittenBackUnchanged) {
  for (const std::size_t path : {0u, 1u, 64u}) {
    for (const bool with_quote : {false, true}) {
      for (const bool with_content : {false, true}) {
        for (const ReceiptKind kind : {ReceiptKind::full, ReceiptKind::read_back}) {
          Proof proof = example_proof(path, with_quote, with_content);
          proof.receipt.kind = kind;
          const Bytes bytes = encode(proof);
          const auto read = decode_proof(bytes);
          ASSERT_TRUE(read) << read.error().detail;
          EXPECT_EQ(*read, proof);
          EXPECT_EQ(encode(*read), bytes);
        }
      }
    }
  }
}

TEST(Proof, EveryPrefixAndEverythingBehindIsRefused) {
  Bytes good = encode(example_proof(3, true, true));
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto cut = decode_proof(ByteView(good).first(length));
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().fault, Fault::truncated) << length;
  }
  good.push_back(0);
  ASSERT_FALSE(decode_proof(good));
  EXPECT_EQ(decode_proof(good).error().fault, Fault::trailing_bytes);
}

TEST(Proof, WhatNoWriterWritesIsRefused) {
  const Bytes good = encode(example_proof(64, false, false));
  const auto fault_with = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = good;
    changed[at] = value;
    const auto read = decode_proof(changed);
    return read ? Fault::kind_unknown : read.error().fault;
  };
  EXPECT_EQ(fault_with(0, 's'), Fault::bad_magic);
  EXPECT_EQ(fault_with(9, 2), Fault::version_unknown);
  EXPECT_EQ(fault_with(kPartsAt, 4), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kPathCountAt, 65), Fault::value_out_of_range);
  const std::size_t kind_at = kPathCountAt + 1 + 64 * 32 + kStatementBytes;
  EXPECT_EQ(fault_with(kind_at, 0), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kind_at, 3), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kind_at, 1), Fault::kind_unknown);  // that is: accepted

  Bytes bad_tlvs = encode(example_proof(0, false, true));
  const std::size_t type_at = bad_tlvs.size() - 3 - 4 - test::example_tlvs().size();
  ASSERT_EQ(bad_tlvs[type_at + 1], 2);
  bad_tlvs[type_at + 5] = 9;  // a value one byte longer than the TLVs hold
  EXPECT_FALSE(decode_proof(bad_tlvs));
}

TEST(Proof, OfALargeLogFitsInto2048Bytes) {
  EXPECT_LE(encode(example_proof(40, false, false)).size(), 2048u);
  EXPECT_LE(encode(example_proof(27, false, false)).size(), 1500u);
}

TEST(ProofDeathTest, AQuoteAnchorsReceiptIsABug) {
  Proof proof = example_proof(0, true, false);
  proof.receipt.kind = ReceiptKind::quote;
  EXPECT_DEATH(encode(proof), "ENSURE");
}

Answer example_answer() {
  Answer answer;
  answer.nonce = test::filled(0x99);
  answer.log_id = test::example_statement().log_id;
  answer.seq = 1;
  answer.quote_seq = 2;
  answer.digest = statement_digest(encode(test::example_statement()));
  answer.tree_size = 3;
  const test::PaperTpm tpm;
  tpm.answer(answer);
  return answer;
}

TEST(Answer, IsReadAndWrittenBackUnchanged) {
  const Answer answer = example_answer();
  const auto read = decode_answer(encode(answer));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, answer);
}

TEST(Answer, OtherBytesAreRefused) {
  Bytes bytes = encode(example_answer());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = decode_answer(ByteView(bytes).first(length));
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().fault, Fault::truncated) << length;
  }
  bytes.push_back(0);
  EXPECT_EQ(decode_answer(bytes).error().fault, Fault::trailing_bytes);
  bytes.pop_back();
  bytes[9] = 2;
  EXPECT_EQ(decode_answer(bytes).error().fault, Fault::version_unknown);
  bytes[0] = 's';
  EXPECT_EQ(decode_answer(bytes).error().fault, Fault::bad_magic);
}

TEST(Answer, ExtraDataBindsEveryFieldThatSaysWhichAnchor) {
  const Answer answer = example_answer();
  Bytes message = {'s', 't', 'e', 'l', 'e', '/', 'v', '1', '/', 'c',
                   'h', 'a', 'l', 'l', 'e', 'n', 'g', 'e', 0};
  Writer(message)
      .bytes(answer.nonce)
      .bytes(answer.log_id)
      .u64(1)
      .u64(2)
      .bytes(answer.digest);
  EXPECT_EQ(answer_extra_data(answer), hash(message));
}

}  // namespace
}  // namespace stele::attest
