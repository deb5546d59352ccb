// Goal: a tlog-proof is C2SP's: what the specification allows is read and written back unchanged,
// nothing else is read, and one of ours stays within its 3 KiB, whatever the log's size.
// Method: texts by hand, each rule broken once; trees of up to 2^40 equal leaves, whose nodes are
// known by their level alone, proved and verified for real.
#include "attest/tlog_proof.h"

#include <gtest/gtest.h>

#include <iostream>

#include "attest/base64.h"
#include "tests/support/examples.h"
#include "tests/support/note_signer.h"
#include "tests/support/paper_tpm.h"

namespace stele::attest {
namespace {

const std::string kHash = to_base64(test::filled(1));

Note signed_head(const std::string& origin, const TreeHead& tree) {
  return test::NoteSigner(origin, 7).note(to_text(Checkpoint{origin, tree, {}}));
}

std::string text_of(const std::string& middle) {
  return std::string(kTlogProofFirstLine) + middle +
         to_text(signed_head("log.example/a", {8, test::filled(2)}));
}

Fault fault_of(std::string_view text) {
  const auto read = parse_tlog_proof(text);
  return read ? Fault::kind_unknown : read.error().fault;
}

TEST(TlogProof, IsReadAndWrittenBackUnchanged) {
  for (const std::string extra : {"", "extra \n", "extra AAEC\n"}) {
    for (const std::string index : {"index 0\n", "index 18446744073709551615\n"}) {
      for (const std::string& path : {std::string(), kHash + "\n", kHash + "\n" + kHash + "\n"}) {
        const std::string text = text_of(extra + index + path + "\n");
        const auto read = parse_tlog_proof(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(to_text(*read), text);
        EXPECT_EQ(read->extra.has_value(), !extra.empty());
        EXPECT_EQ(read->path.size(), path.size() / 45);
        EXPECT_EQ(read->checkpoint.tree.size, 8u);
      }
    }
  }
}

TEST(TlogProof, WhatTheSpecificationForbidsIsRefused) {
  for (const std::string& middle : std::vector<std::string>{"",
                                                            "\n",
                                                            "index\n\n",
                                                            "index \n\n",
                                                            "index 01\n\n",
                                                            "index -1\n\n",
                                                            "index 1 \n\n",
                                                            "Index 1\n\n",
                                                            "index  1\n\n",
                                                            "index 18446744073709551616\n\n",
                                                            "extra\nindex 1\n\n",
                                                            "extra AAE\nindex 1\n\n",
                                                            "extra AAF=\nindex 1\n\n",
                                                            "extra AAEC \nindex 1\n\n",
                                                            "extra AAEC\nextra AAEC\nindex 1\n\n",
                                                            "index 1\nextra AAEC\n\n",
                                                            "index 1\n" + kHash + "=\n\n",
                                                            "index 1\nAAEC\n\n",
                                                            "index 1\n " + kHash + "\n\n",
                                                            "index 1\n" + kHash + "\r\n\n",
                                                            "index 1\n\n\n"}) {
    EXPECT_EQ(fault_of(text_of(middle)), Fault::value_out_of_range) << middle;
  }
  std::string path;
  for (int i = 0; i < 64; ++i) path += kHash + "\n";
  EXPECT_TRUE(parse_tlog_proof(text_of("index 1\n" + path + "\n")));
  EXPECT_EQ(fault_of(text_of("index 1\n" + path + kHash + "\n\n")), Fault::value_out_of_range);
  const std::string good = text_of("index 1\n\n");
  EXPECT_EQ(fault_of("c2sp.org/tlog-proof@v2" + good.substr(22)), Fault::bad_magic);
  EXPECT_EQ(fault_of(" " + good), Fault::bad_magic);
  EXPECT_EQ(fault_of(good + "\n"), Fault::truncated);  // the note's text would be empty
  EXPECT_EQ(fault_of(good + "x"), Fault::truncated);
  EXPECT_EQ(fault_of(std::string(kTlogProofFirstLine) + "index 1\n" + kHash + "\n"),
            Fault::truncated);
}

TEST(TlogProof, EveryPrefixIsRefusedAndTheLineOfADefectIsTheFiles) {
  const std::string good = text_of("extra AAEC\nindex 1\n" + kHash + "\n\n");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_tlog_proof(std::string_view(good).substr(0, size))) << size;
  }
  const auto bad_hash = parse_tlog_proof(text_of("extra AAEC\nindex 1\n" + kHash + "\nAAEC\n\n"));
  EXPECT_EQ(bad_hash.error().at.value, 5u);
  std::string bad_root = good;
  bad_root.replace(bad_root.find(to_base64(test::filled(2))), 1, "!");
  EXPECT_EQ(parse_tlog_proof(bad_root).error().at.value, 8u);
}

TEST(TlogProof, OfMoreThanItsLimitIsNotLookedAt) {
  const std::string line = "\xe2\x80\x94 n " + to_base64(Bytes(3000)) + "\n";
  std::string text = text_of("index 1\n\n");
  while (text.size() + line.size() <= kMaxReadTlogProofBytes) text += line;
  EXPECT_TRUE(parse_tlog_proof(text));
  EXPECT_EQ(fault_of(text + line), Fault::value_out_of_range);
}

// A log of equal leaves: every node of a level is the same.
class EqualLeaves : public HashReader {
 public:
  explicit EqualLeaves(const Hash& leaf) {
    nodes_.push_back(leaf);
    for (int level = 1; level < 64; ++level) {
      nodes_.push_back(node_hash(nodes_.back(), nodes_.back()));
    }
  }
  std::vector<Hash> read_hashes(std::span<const NodeId> ids) const override {
    std::vector<Hash> out;
    for (const NodeId& id : ids) out.push_back(nodes_.at(id.level));
    return out;
  }

 private:
  std::vector<Hash> nodes_;
};

struct Made {
  Proof proof;
  TreeHead tree;
};
// Record 5 of so many, under a receipt as large as one gets.
Made made(std::uint64_t size) {
  const test::PaperTpm tpm;
  Made out;
  out.proof.index = 5;
  out.proof.leaf = encode(test::example_leaf());
  const EqualLeaves log(leaf_hash(out.proof.leaf));
  out.tree = {size, root_of(size, log)};
  out.proof.path = prove_inclusion(5, size, log);
  EXPECT_TRUE(verify_inclusion(5, leaf_hash(out.proof.leaf), out.tree, out.proof.path));
  Statement statement = test::example_statement();
  statement.tree = out.tree;
  out.proof.statement = encode(statement);
  out.proof.receipt = tpm.read_back(statement_digest(out.proof.statement), false);
  out.proof.receipt.kind = ReceiptKind::full;
  return out;
}

TEST(TlogProof, OfAnyLogBelow2To32RecordsFitsWithItsReceiptWhateverItsOrigin) {
  const std::string longest(255, 'o');
  for (const std::uint64_t size : {std::uint64_t{6}, std::uint64_t{1} << 20,
                                   (std::uint64_t{1} << 20) + 1, (std::uint64_t{1} << 32) - 1}) {
    const Made log = made(size);
    const auto proof = make_tlog_proof(log.proof, signed_head(longest, log.tree));
    ASSERT_TRUE(proof) << size;
    const std::string text = to_text(*proof);
    EXPECT_LE(text.size(), kMaxTlogProofBytes) << size;
    const auto read = parse_tlog_proof(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(*decode_extra(*read), log.proof);
    EXPECT_TRUE(verify_inclusion(read->index, leaf_hash(log.proof.leaf), read->checkpoint.tree,
                                 read->path));
  }
  const Made large = made(std::uint64_t{1} << 40);
  EXPECT_TRUE(make_tlog_proof(large.proof, signed_head(std::string(100, 'o'), large.tree)));
  EXPECT_FALSE(make_tlog_proof(large.proof, signed_head(longest, large.tree)));
  const Made usual = made((std::uint64_t{1} << 20) + 1);
  const auto proof = make_tlog_proof(usual.proof, signed_head("log.example/a", usual.tree));
  std::cout << "2^20 + 1 records, origin of 13 bytes: " << to_text(*proof).size() << " bytes\n";
  EXPECT_LE(to_text(*proof).size(), 2048u);
}

TEST(TlogProof, CosignaturesGoFirstWhereNotAllFitAndTheLogsOwnAndTheReceiptNever) {
  const Made log = made((std::uint64_t{1} << 20) + 1);
  Note note = signed_head("log.example/a", log.tree);
  const NoteSignature own = note.signatures.front();
  for (int i = 0; i < 20; ++i) {
    note.signatures.insert(note.signatures.begin(),
                           {"witness.example/" + std::to_string(i), 1, Bytes(72)});
  }
  const auto proof = make_tlog_proof(log.proof, note);
  ASSERT_TRUE(proof);
  const std::string text = to_text(*proof);
  EXPECT_LE(text.size(), kMaxTlogProofBytes);
  EXPECT_GT(text.size() + 140, kMaxTlogProofBytes);
  EXPECT_EQ(proof->note.signatures.back(), own);
  EXPECT_GT(proof->note.signatures.size(), 5u);
  EXPECT_EQ(*decode_extra(*proof), log.proof);
}

TEST(TlogProof, TheExtraLineIsOfItsOwnRecordAndHasNoPath) {
  const Made log = made(100);
  auto proof = *make_tlog_proof(log.proof, signed_head("log.example/a", log.tree));
  proof.index = 6;
  EXPECT_EQ(decode_extra(proof).error().fault, Fault::value_out_of_range);
  proof.index = 5;
  EXPECT_TRUE(decode_extra(proof));
  proof.extra = encode(log.proof);
  EXPECT_EQ(decode_extra(proof).error().fault, Fault::value_out_of_range);
  proof.extra = Bytes{'v', 'r', 'f'};
  EXPECT_FALSE(decode_extra(proof));
}

}  // namespace
}  // namespace stele::attest
