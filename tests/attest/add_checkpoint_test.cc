// Goal: a witness answers add-checkpoint as C2SP has it: cosigns what follows from what it cosigned
// last, and nothing else.
// Method: a tree of 12 leaves; every pair of sizes; each rule of the specification broken once; the
// request's text read and written back.
#include "attest/witness/add_checkpoint.h"

#include <gtest/gtest.h>

#include "attest/note_signer.h"
#include "attest/witness/cosignature.h"

namespace stele::attest {
namespace {

constexpr std::uint64_t kLeaves = 12;

NoteSigner request_signer(std::uint8_t seed = 7) {
  Hash bytes;
  bytes.bytes.fill(seed);
  return NoteSigner(bytes, "log.example/a");
}

class TreeNodes : public HashReader {
 public:
  explicit TreeNodes(std::uint8_t salt = 0) {
    CompactRange range;
    for (std::uint64_t i = 0; i < kLeaves; ++i) {
      const std::uint8_t byte[] = {salt, static_cast<std::uint8_t>(i)};
      range.append(hash(ByteView(byte)), [&](NodeId id, const Hash& node) { nodes_[id] = node; });
      heads_.push_back(range.head());
    }
  }
  std::vector<Hash> read_hashes(std::span<const NodeId> wanted) const override {
    std::vector<Hash> out;
    for (const NodeId& id : wanted) out.push_back(nodes_.at(id));
    return out;
  }
  TreeHead head(std::uint64_t size) const { return size == 0 ? empty_tree() : heads_[size - 1]; }

 private:
  std::map<NodeId, Hash> nodes_;
  std::vector<TreeHead> heads_;
};

AddCheckpoint make_request(const TreeNodes& tree, std::uint64_t from, std::uint64_t to,
                           const NoteSigner& signer = request_signer()) {
  AddCheckpoint request;
  request.old_size = from;
  request.checkpoint = {"log.example/a", tree.head(to), {}};
  request.note = signer.sign(to_text(request.checkpoint));
  if (from > 0) request.proof = prove_consistency(from, to, tree);
  return request;
}

TEST(AddCheckpoint, IsWrittenBackAsItWasRead) {
  const TreeNodes tree;
  for (std::uint64_t from = 0; from <= kLeaves; ++from) {
    for (std::uint64_t to = std::max<std::uint64_t>(from, 1); to <= kLeaves; ++to) {
      const std::string text = to_text(make_request(tree, from, to));
      const auto request = parse_add_checkpoint(text);
      ASSERT_TRUE(request) << text;
      EXPECT_EQ(to_text(*request), text);
      EXPECT_EQ(request->checkpoint.tree, tree.head(to));
    }
  }
}

TEST(AddCheckpoint, WhatFollowsIsCosignedFromEverySizeToEvery) {
  const TreeNodes tree;
  const NoteKey key = request_signer().key();
  for (std::uint64_t from = 0; from <= kLeaves; ++from) {
    for (std::uint64_t to = from; to <= kLeaves; ++to) {
      const auto request = make_request(tree, from, to);
      EXPECT_EQ(judge_add_checkpoint(request, key, tree.head(from)).status, 200u) << from << to;
    }
  }
}

TEST(AddCheckpoint, EachRuleHasItsStatus) {
  const TreeNodes tree, fork(1);
  const NoteKey key = request_signer().key();
  const auto status = [&](const AddCheckpoint& request, const TreeHead& newest) {
    return judge_add_checkpoint(request, key, newest).status;
  };
  EXPECT_EQ(status(make_request(tree, 5, 9, request_signer(8)), tree.head(5)), 403u);
  AddCheckpoint backwards = make_request(tree, 0, 4);
  backwards.old_size = 5;
  EXPECT_EQ(status(backwards, tree.head(5)), 400u);
  EXPECT_EQ(status(make_request(tree, 5, 9), tree.head(6)), 409u);
  EXPECT_EQ(status(make_request(tree, 0, 9), tree.head(6)), 409u);
  // The same size: idempotent with the same root, evidence with another.
  EXPECT_EQ(status(make_request(tree, 9, 9), tree.head(9)), 200u);
  const auto other = judge_add_checkpoint(make_request(fork, 9, 9), key, tree.head(9));
  EXPECT_EQ(other.status, 409u);
  EXPECT_TRUE(other.equivocation);
  EXPECT_EQ(status(make_request(fork, 5, 9), tree.head(5)), 422u);
  AddCheckpoint padded = make_request(tree, 9, 9);
  padded.proof.push_back(Hash{});
  EXPECT_EQ(status(padded, tree.head(9)), 422u);
  AddCheckpoint from_nothing = make_request(tree, 0, 9);
  from_nothing.proof.push_back(Hash{});
  EXPECT_EQ(status(from_nothing, empty_tree()), 422u);
  AddCheckpoint short_proof = make_request(tree, 5, 9);
  short_proof.proof.pop_back();
  EXPECT_EQ(status(short_proof, tree.head(5)), 422u);
}

TEST(AddCheckpoint, ASignatureOfAnUnknownKeyBesideTheLogsIsIgnored) {
  const TreeNodes tree;
  AddCheckpoint request = make_request(tree, 0, 3);
  Hash seed;
  seed.bytes.fill(3);
  const NoteSigner stranger(seed, "stranger.example");
  request.note.signatures.insert(request.note.signatures.begin(),
                                 stranger.sign(request.note.text).signatures.front());
  request.note.signatures.push_back(cosign(stranger, request.note.text, 5));
  EXPECT_EQ(judge_add_checkpoint(request, request_signer().key(), empty_tree()).status, 200u);
}

TEST(AddCheckpoint, WhatIsNotARequestIsRefused) {
  const std::string note = to_text(make_request(TreeNodes(), 0, 3).note);
  const std::string hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
  std::string many;
  for (int i = 0; i < 64; ++i) many += hash;
  for (const std::string& bad :
       std::vector<std::string>{
        std::string(), note, "old 0\n" + note, "old 00\n\n" + note, "old -1\n\n" + note,
        "old\n\n" + note, "Old 0\n\n" + note, "old  0\n\n" + note, "old 0 \n\n" + note,
        "old 0\r\n\r\n" + note, "old 1\nAAAA\n\n" + note, "old 1\n" + many + "\n" + note,
        "old 0\n\nlog.example/a\n3\n", "old 18446744073709551616\n\n" + note}) {
    EXPECT_FALSE(parse_add_checkpoint(bad)) << bad;
  }
  EXPECT_TRUE(parse_add_checkpoint("old 1\n" + many.substr(hash.size()) + "\n" + note));
  EXPECT_EQ(*parse_size_line("20852014\n"), 20852014u);
  for (const char* bad : {"", "\n", "1", "01\n", "1\n\n", " 1\n", "1\r\n"}) {
    EXPECT_FALSE(parse_size_line(bad)) << bad;
  }
}

}  // namespace
}  // namespace stele::attest
