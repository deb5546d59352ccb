// Goal: family 27: whoever verifies proofs by the loops of RFC 9162 accepts what we accept, and nothing
// else, over proofs that are right and proofs that are wrong in one way.
// Method: 2.1.3.2 and 2.1.4.2 of the RFC written out literally, which is another algorithm than ours (that
// walks the path from the sizes); 100,000 random sizes, indices and mutations from a fixed seed.
// STELE_LONG=1: five million.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>

#include "attest/merkle.h"
#include "attest/record.h"
#include "tests/support/tally.h"

namespace stele::attest {
namespace {

constexpr std::uint64_t kLargest = 200;

Hash joined_differently(const Hash& left, const Hash& right) {
  const std::uint8_t prefix[] = {1};
  return hash({prefix, left, right});
}

// RFC 9162, 2.1.3.2.
bool loop_inclusion(const Hash& leaf, std::uint64_t index, const TreeHead& tree,
                    const std::vector<Hash>& proof) {
  if (index >= tree.size) return false;
  std::uint64_t fn = index, sn = tree.size - 1;
  Hash r = leaf;
  for (const Hash& p : proof) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      r = joined_differently(p, r);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      r = joined_differently(r, p);
    }
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && r == tree.root;
}

// RFC 9162, 2.1.4.2; from size 0 nothing is proved.
bool loop_consistency(const TreeHead& first, const TreeHead& second, std::vector<Hash> proof) {
  if (first.size == 0 || first.size > second.size) return false;
  if (first.size == second.size) return proof.empty() && first.root == second.root;
  if ((first.size & (first.size - 1)) == 0) proof.insert(proof.begin(), first.root);
  if (proof.empty()) return false;
  std::uint64_t fn = first.size - 1, sn = second.size - 1;
  while ((fn & 1) != 0) fn >>= 1, sn >>= 1;
  Hash fr = proof.front(), sr = proof.front();
  for (std::size_t i = 1; i < proof.size(); ++i) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      fr = joined_differently(proof[i], fr);
      sr = joined_differently(proof[i], sr);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      sr = joined_differently(sr, proof[i]);
    }
    fn >>= 1, sn >>= 1;
  }
  return fr == first.root && sr == second.root && sn == 0;
}

// A tree of kLargest leaves, its nodes, and its head at every size.
class Grown : public HashReader {
 public:
  Grown() {
    heads.push_back(range_.head());
    for (std::uint64_t i = 0; i < kLargest; ++i) {
      leaves.push_back(leaf_hash(view("leaf " + std::to_string(i))));
      range_.append(leaves.back(), [this](NodeId id, const Hash& node) { nodes_[id] = node; });
      heads.push_back(range_.head());
    }
  }
  std::vector<Hash> read_hashes(std::span<const NodeId> ids) const override {
    std::vector<Hash> out;
    for (const NodeId& id : ids) out.push_back(nodes_.at(id));
    return out;
  }
  std::vector<Hash> leaves;
  std::vector<TreeHead> heads;  // by size

 private:
  CompactRange range_;
  std::map<NodeId, Hash> nodes_;
};

// What an attacker, or an accident, makes of a proof; 0: nothing.
void bend(std::mt19937_64& random, std::vector<Hash>& proof, std::uint64_t& a, std::uint64_t& b) {
  const auto any = [&] { return static_cast<std::ptrdiff_t>(random() % std::max<std::size_t>(1, proof.size())); };
  switch (random() % 9) {
    case 0:
      if (!proof.empty()) proof[static_cast<std::size_t>(any())].bytes[random() % 32] ^= 4;
      return;
    case 1:
      if (!proof.empty()) proof.erase(proof.begin() + any());
      return;
    case 2:
      proof.insert(proof.begin() + (proof.empty() ? 0 : any()), Hash{});
      return;
    case 3:
      if (proof.size() > 1) std::swap(proof.front(), proof.back());
      return;
    case 4:
      a = random() % (kLargest + 1);
      return;
    case 5:
      b = random() % (kLargest + 1);
      return;
    case 6:
      std::swap(a, b);
      return;
    default:
      return;
  }
}

TEST(MerkleDifferential, TheRfcsLoopsAcceptWhatWeAcceptAndNothingElse) {
  const Grown tree;
  std::mt19937_64 random(20261126);
  test::Tally tally;
  std::uint64_t accepted = 0;
  const std::uint64_t cases = std::getenv("STELE_LONG") != nullptr ? 5'000'000 : 100'000;
  for (; tally.injected < cases; ++tally.injected) {
    const std::uint64_t n = 1 + random() % kLargest;
    const bool inclusion = random() % 2 == 0;
    std::uint64_t a = inclusion ? random() % n : 1 + random() % n, b = n;
    std::vector<Hash> proof =
        inclusion ? prove_inclusion(a, n, tree) : prove_consistency(a, n, tree);
    const Hash leaf = tree.leaves[inclusion ? a : 0];
    bend(random, proof, a, b);
    bool ours = false, theirs = false;
    if (inclusion) {
      ours = verify_inclusion(a, leaf, tree.heads[b], proof).has_value();
      theirs = loop_inclusion(leaf, a, tree.heads[b], proof);
    } else {
      ours = verify_consistency(tree.heads[a], tree.heads[b], proof).has_value();
      theirs = loop_consistency(tree.heads[a], tree.heads[b], proof);
    }
    accepted += ours;
    tally.missed += ours && !theirs;
    tally.false_alarms += !ours && theirs;
    ASSERT_EQ(ours, theirs) << (inclusion ? "inclusion " : "consistency ") << a << " of " << b
                            << ", made for " << n;
  }
  EXPECT_GT(accepted, cases / 5);
  EXPECT_LT(accepted, cases / 2);
  tally.report(27, "proofs and mutations of them, against the RFC's loops");
}

}  // namespace
}  // namespace stele::attest
