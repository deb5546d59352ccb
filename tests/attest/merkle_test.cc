// Goal: the tree is RFC 9162's at every size 0..100, and its proofs prove and refuse what they must.
// Method: the RFC's recursive definitions, written out literally here, are compared with the fast
// code for every size, index and pair of sizes; then every proof is mutated in every way that an
// attacker could choose, each of which must be refused.
#include "attest/merkle.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "attest/record.h"

namespace stele::attest {
namespace {

constexpr std::uint64_t kSizes = 100;

// Different bytes for every leaf, of different lengths.
Hash leaf_at(std::uint64_t index) {
  const std::string text = "leaf " + std::to_string(index * index);
  return leaf_hash(view(text));
}

std::vector<Hash> leaves(std::uint64_t count) {
  std::vector<Hash> out;
  for (std::uint64_t i = 0; i < count; ++i) out.push_back(leaf_at(i));
  return out;
}

using Leaves = std::span<const Hash>;

std::uint64_t split(std::uint64_t n) {
  std::uint64_t k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

// RFC 9162, 2.1.1: MTH.
Hash mth(Leaves d) {
  if (d.empty()) return hash(ByteView());
  if (d.size() == 1) return d[0];
  const std::uint64_t k = split(d.size());
  const std::uint8_t prefix[] = {1};
  return hash({prefix, mth(d.first(k)), mth(d.subspan(k))});
}

// RFC 9162, 2.1.3.1: PATH(m, D).
std::vector<Hash> path(std::uint64_t m, Leaves d) {
  if (d.size() == 1) return {};
  const std::uint64_t k = split(d.size());
  std::vector<Hash> out = m < k ? path(m, d.first(k)) : path(m - k, d.subspan(k));
  out.push_back(m < k ? mth(d.subspan(k)) : mth(d.first(k)));
  return out;
}

// How many hashes PATH(m, D[n]) has.
std::size_t path_length(std::uint64_t m, std::uint64_t n) {
  if (n == 1) return 0;
  const std::uint64_t k = split(n);
  return 1 + (m < k ? path_length(m, k) : path_length(m - k, n - k));
}

// RFC 9162, 2.1.4.1: SUBPROOF(m, D, b).
std::vector<Hash> subproof(std::uint64_t m, Leaves d, bool b) {
  if (m == d.size()) return b ? std::vector<Hash>{} : std::vector<Hash>{mth(d)};
  const std::uint64_t k = split(d.size());
  std::vector<Hash> out =
      m <= k ? subproof(m, d.first(k), b) : subproof(m - k, d.subspan(k), false);
  out.push_back(m <= k ? mth(d.subspan(k)) : mth(d.first(k)));
  return out;
}

// Nodes as the appending side reported them; a node that was never complete is not there.
class Nodes : public HashReader {
 public:
  explicit Nodes(std::uint64_t size) {
    CompactRange range;
    for (std::uint64_t i = 0; i < size; ++i) {
      range.append(leaf_at(i), [this](NodeId id, const Hash& node) { nodes_[id] = node; });
    }
  }
  std::vector<Hash> read_hashes(std::span<const NodeId> ids) const override {
    std::vector<Hash> out;
    for (const NodeId& id : ids) out.push_back(nodes_.at(id));
    return out;
  }
  const std::map<NodeId, Hash>& all() const { return nodes_; }

 private:
  std::map<NodeId, Hash> nodes_;
};

// The same proof, wrong in every way: a bit of each hash, each hash left out, doubled, swapped with
// the next, zeroed; something before and after.
std::vector<std::vector<Hash>> mutations(const std::vector<Hash>& proof) {
  std::vector<std::vector<Hash>> out;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    auto flipped = proof;
    flipped[i].bytes[i % 32] ^= static_cast<std::uint8_t>(1u << (i % 8));
    out.push_back(flipped);
    auto zeroed = proof;
    zeroed[i] = Hash{};
    out.push_back(zeroed);
    auto without = proof;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    out.push_back(without);
    auto doubled = proof;
    doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), proof[i]);
    out.push_back(doubled);
    if (i + 1 < proof.size()) {
      auto swapped = proof;
      std::swap(swapped[i], swapped[i + 1]);
      out.push_back(swapped);
    }
  }
  auto after = proof;
  after.push_back(Hash{});
  out.push_back(after);
  auto before = proof;
  before.insert(before.begin(), leaf_at(0));
  out.push_back(before);
  return out;
}

TEST(Merkle, ManyLeavesAtOnceAreAppendedAsOneByOneFromEverySize) {
  for (std::uint64_t before = 0; before <= 40; ++before) {
    for (std::size_t count = 0; count <= 70; ++count) {
      CompactRange singly, at_once;
      std::map<NodeId, Hash> expected, reported;
      for (std::uint64_t i = 0; i < before; ++i) singly.append(leaf_at(i));
      at_once = singly;
      std::vector<Hash> fresh;
      for (std::uint64_t i = before; i < before + count; ++i) {
        fresh.push_back(leaf_at(i));
        singly.append(leaf_at(i), [&](NodeId node, const Hash& hash) {
          if (node.level > 0) expected[node] = hash;
        });
      }
      std::map<std::uint8_t, std::uint64_t> last;
      at_once.append_many(fresh, [&](NodeId node, const Hash& hash) {
        EXPECT_TRUE(reported.emplace(node, hash).second);
        const auto [at, first] = last.emplace(node.level, node.index);
        EXPECT_TRUE(first || ++at->second == node.index) << "a level's nodes are told in order";
      });
      ASSERT_EQ(at_once.head(), singly.head()) << before << " + " << count;
      ASSERT_EQ(at_once.roots(), singly.roots()) << before << " + " << count;
      ASSERT_EQ(reported, expected) << before << " + " << count;
    }
  }
}

TEST(Merkle, RootsAreTheRecursiveDefinitionAtEverySize) {
  const auto all = leaves(kSizes);
  const Nodes nodes(kSizes);
  CompactRange plain, reporting;
  for (std::uint64_t size = 0; size <= kSizes; ++size) {
    const Hash expected = mth(Leaves(all).first(size));
    EXPECT_EQ(plain.head(), (TreeHead{size, expected})) << size;
    EXPECT_EQ(reporting.head(), plain.head()) << size;
    EXPECT_EQ(root_of(size, nodes), expected) << size;
    if (size == kSizes) break;
    plain.append(all[size]);
    reporting.append(all[size], [](NodeId, const Hash&) {});
  }
}

TEST(Merkle, TheEmptyTreeHasTheHashOfNothing) {
  EXPECT_EQ(to_hex(empty_tree().root),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(CompactRange().head(), empty_tree());
  EXPECT_TRUE(range_nodes(0).empty());
}

TEST(Merkle, EveryReportedNodeIsTheRootOfItsLeaves) {
  const auto all = leaves(kSizes);
  const Nodes nodes(kSizes);
  std::size_t expected = 0;
  for (std::uint64_t size = kSizes; size > 0; size /= 2) expected += size;
  EXPECT_EQ(nodes.all().size(), expected);
  for (const auto& [id, node] : nodes.all()) {
    const std::uint64_t width = std::uint64_t{1} << id.level;
    EXPECT_EQ(node, mth(Leaves(all).subspan(id.index * width, width)));
  }
}

TEST(Merkle, RangeNodesTileTheTreeLargestFirst) {
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{100},
                                   std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    std::uint64_t next = 0;
    unsigned above = 64;
    for (const NodeId& id : range_nodes(size)) {
      EXPECT_LT(id.level, above);
      EXPECT_EQ(id.index << id.level, next);
      next += std::uint64_t{1} << id.level;
      above = id.level;
    }
    EXPECT_EQ(next, size);
  }
}

TEST(Merkle, ARangeRestoredFromItsRootsGoesOnAsIfItHadNeverStopped) {
  CompactRange whole;
  for (std::uint64_t size = 0; size < kSizes; ++size) {
    auto restored = CompactRange::restore(whole.size(), whole.roots());
    ASSERT_TRUE(restored);
    whole.append(leaf_at(size));
    restored->append(leaf_at(size));
    EXPECT_EQ(restored->head(), whole.head());
    EXPECT_EQ(restored->roots(), whole.roots());
  }
}

TEST(Merkle, ARangeWithAWrongNumberOfRootsIsRefused) {
  for (std::uint64_t size = 0; size <= kSizes; ++size) {
    const auto right = static_cast<std::size_t>(std::popcount(size));
    for (std::size_t count = 0; count <= 8; ++count) {
      EXPECT_EQ(CompactRange::restore(size, std::vector<Hash>(count)).has_value(), count == right);
    }
  }
}

TEST(Merkle, AppendingSubtreesIsAppendingTheirLeaves) {
  const auto all = leaves(kSizes);
  for (std::uint64_t size = 0; size <= kSizes; ++size) {
    CompactRange by_subtrees;
    for (const NodeId& id : range_nodes(size)) {
      const std::uint64_t width = std::uint64_t{1} << id.level;
      by_subtrees.append_subtree(id.level, mth(Leaves(all).subspan(id.index * width, width)));
    }
    EXPECT_EQ(by_subtrees.head(), (TreeHead{size, mth(Leaves(all).first(size))}));
  }
  // Equal subtrees, as a parallel verifier brings them, join like leaves do.
  CompactRange by_fours;
  for (std::uint64_t i = 0; i < kSizes; i += 4) {
    by_fours.append_subtree(2, mth(Leaves(all).subspan(i, 4)));
  }
  EXPECT_EQ(by_fours.head(), (TreeHead{kSizes, mth(all)}));
}

TEST(MerkleDeathTest, ASubtreeThatDoesNotFitItsPlaceIsABug) {
  CompactRange range;
  range.append(leaf_at(0));
  EXPECT_DEATH(range.append_subtree(1, leaf_at(1)), "ENSURE");
}

TEST(Merkle, InclusionProofsAreTheRecursiveDefinitionAndVerify) {
  const auto all = leaves(kSizes);
  const Nodes nodes(kSizes);
  for (std::uint64_t size = 1; size <= kSizes; ++size) {
    const TreeHead head{size, mth(Leaves(all).first(size))};
    for (std::uint64_t index = 0; index < size; ++index) {
      const InclusionProof proof = prove_inclusion(index, size, nodes);
      EXPECT_EQ(proof, path(index, Leaves(all).first(size))) << index << " of " << size;
      EXPECT_TRUE(verify_inclusion(index, all[index], head, proof)) << index << " of " << size;
    }
  }
}

TEST(Merkle, ConsistencyProofsAreTheRecursiveDefinitionAndVerify) {
  const auto all = leaves(kSizes);
  const Nodes nodes(kSizes);
  std::vector<TreeHead> heads;
  for (std::uint64_t size = 0; size <= kSizes; ++size) {
    heads.push_back({size, mth(Leaves(all).first(size))});
  }
  for (std::uint64_t to = 1; to <= kSizes; ++to) {
    for (std::uint64_t from = 1; from <= to; ++from) {
      const ConsistencyProof proof = prove_consistency(from, to, nodes);
      EXPECT_EQ(proof, subproof(from, Leaves(all).first(to), true)) << from << " to " << to;
      EXPECT_TRUE(verify_consistency(heads[from], heads[to], proof)) << from << " to " << to;
    }
  }
}

TEST(Merkle, EveryMutationOfAnInclusionProofIsRefused) {
  const auto all = leaves(kSizes);
  const Nodes nodes(kSizes);
  std::size_t refused = 0;
  for (const std::uint64_t size : {1u, 2u, 3u, 7u, 8u, 9u, 31u, 64u, 65u, 100u}) {
    const TreeHead head{size, mth(Leaves(all).first(size))};
    for (std::uint64_t index = 0; index < size; ++index) {
      const InclusionProof proof = prove_inclusion(index, size, nodes);
      for (const InclusionProof& wrong : mutations(proof)) {
        EXPECT_FALSE(verify_inclusion(index, all[index], head, wrong)) << index << " of " << size;
        ++refused;
      }
      for (std::uint64_t other = 0; other <= size + 1; ++other) {
        if (other == index) continue;
        EXPECT_FALSE(verify_inclusion(other, all[index], head, proof)) << other << " of " << size;
      }
      EXPECT_FALSE(verify_inclusion(index, leaf_at(index + 1), head, proof));
      EXPECT_FALSE(verify_inclusion(index, all[index], {size, leaf_at(777)}, proof));
      EXPECT_FALSE(verify_inclusion(~std::uint64_t{0}, all[index], head, proof));
    }
  }
  EXPECT_GT(refused, 5000u);
}

TEST(Merkle, AnInclusionProofOfAnotherLengthThanItsTreeDemandsIsRefused) {
  const auto all = leaves(kSizes);
  const Nodes nodes(kSizes);
  for (std::uint64_t size = 1; size <= kSizes; ++size) {
    const Hash root = mth(Leaves(all).first(size));
    for (std::uint64_t index = 0; index < size; ++index) {
      const InclusionProof proof = prove_inclusion(index, size, nodes);
      for (std::uint64_t other = 0; other <= kSizes; ++other) {
        // A root alone does not say the size: two sizes may give one leaf the same path.
        if (other > index && path_length(index, other) == proof.size()) continue;
        EXPECT_FALSE(verify_inclusion(index, all[index], {other, root}, proof));
      }
    }
  }
}

TEST(Merkle, EveryMutationOfAConsistencyProofIsRefused) {
  const auto all = leaves(kSizes);
  const Nodes nodes(kSizes);
  std::size_t refused = 0;
  for (const std::uint64_t to : {1u, 2u, 3u, 7u, 8u, 9u, 33u, 64u, 100u}) {
    const TreeHead newer{to, mth(Leaves(all).first(to))};
    for (std::uint64_t from = 1; from <= to; ++from) {
      const TreeHead older{from, mth(Leaves(all).first(from))};
      const ConsistencyProof proof = prove_consistency(from, to, nodes);
      for (const ConsistencyProof& wrong : mutations(proof)) {
        EXPECT_FALSE(verify_consistency(older, newer, wrong)) << from << " to " << to;
        ++refused;
      }
      EXPECT_FALSE(verify_consistency({from, leaf_at(777)}, newer, proof)) << from << " to " << to;
      EXPECT_FALSE(verify_consistency(older, {to, leaf_at(777)}, proof)) << from << " to " << to;
      EXPECT_FALSE(verify_consistency({0, empty_tree().root}, newer, proof));
      if (from < to) {
        EXPECT_FALSE(verify_consistency(newer, older, proof)) << from << " to " << to;
        EXPECT_FALSE(verify_consistency({from, newer.root}, {to, older.root}, proof));
      }
    }
  }
  EXPECT_GT(refused, 2000u);
}

TEST(Merkle, NothingIsProvedFromTheEmptyTree) {
  const auto refused = verify_consistency(empty_tree(), {1, leaf_at(0)}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::proof_mismatch);
  EXPECT_FALSE(verify_consistency(empty_tree(), empty_tree(), {}));
  EXPECT_FALSE(verify_inclusion(0, leaf_at(0), empty_tree(), {}));
}

TEST(Merkle, SizesNearTheEndOfTheNumbersAreJudgedToo) {
  const std::uint64_t largest = ~std::uint64_t{0};
  const InclusionProof proof(64);
  EXPECT_FALSE(verify_inclusion(largest - 1, leaf_at(0), {largest, leaf_at(1)}, proof));
  EXPECT_FALSE(verify_inclusion(0, leaf_at(0), {largest, leaf_at(1)}, proof));
  EXPECT_FALSE(verify_consistency({largest - 1, leaf_at(0)}, {largest, leaf_at(1)}, proof));
  EXPECT_FALSE(verify_consistency({1, leaf_at(0)}, {largest, leaf_at(1)}, proof));
  // And what is true there verifies: the last leaf, beside complete subtrees of 2, 4, ... 2^63 leaves.
  Hash root = leaf_at(0);
  InclusionProof lefts;
  for (unsigned level = 1; level < 64; ++level) {
    lefts.push_back(leaf_at(level));
    root = node_hash(leaf_at(level), root);
  }
  EXPECT_TRUE(verify_inclusion(largest - 1, leaf_at(0), {largest, root}, lefts));
}

}  // namespace
}  // namespace stele::attest
