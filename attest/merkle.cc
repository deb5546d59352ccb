#include "attest/merkle.h"

#include <algorithm>
#include <bit>

#include "attest/check.h"
#include "attest/hash_many.h"

namespace stele::attest {
namespace {

// Leaves [begin, end) where the RFC's tree has a subtree. Its left part is complete; only along the
// right edge of a tree is a subtree not:
//
//            [0,7)
//          /       \.
//      [0,4)       [4,7)        a tree of 7 leaves: the complete subtrees
//      /   \       /   \.       [0,4), [4,6), [6,7) are its range
//   [0,2) [2,4) [4,6) [6,7)
struct Subtree {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  // Where the RFC splits it: after the largest power of two below its size.
  std::uint64_t middle() const { return begin + std::bit_floor(size() - 1); }
  Subtree left() const { return {begin, middle()}; }
  Subtree right() const { return {middle(), end}; }
};

void append_range_nodes(Subtree tree, std::vector<NodeId>& nodes) {
  while (tree.size() > 0) {
    const auto level = static_cast<std::uint8_t>(std::bit_width(tree.size()) - 1);
    nodes.push_back({level, tree.begin >> level});
    tree.begin += std::uint64_t{1} << level;
  }
}

// The root above the complete subtrees of a range: the two smallest join first.
Hash root_above(std::span<const Hash> roots) {
  Hash root = roots.back();
  for (std::size_t i = roots.size() - 1; i-- > 0;) root = node_hash(roots[i], root);
  return root;
}

// The root of each subtree, all of their nodes read at once.
std::vector<Hash> read_roots(std::span<const Subtree> trees, const HashReader& reader) {
  std::vector<NodeId> nodes;
  std::vector<std::size_t> ends;
  for (const Subtree& tree : trees) {
    append_range_nodes(tree, nodes);
    ends.push_back(nodes.size());
  }
  const std::vector<Hash> hashes = reader.read_hashes(nodes);
  ENSURE(hashes.size() == nodes.size());

  std::vector<Hash> roots;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    roots.push_back(root_above(std::span(hashes).subspan(begin, end - begin)));
    begin = end;
  }
  return roots;
}

// The way from a subtree up to the root: what it meets on each level, and on which side.
struct Path {
  Subtree start;
  std::vector<Subtree> siblings;
  std::vector<bool> on_left;
};

// From the subtree at which done(subtree) stops the descent, on the side that goes_left(subtree) says.
template <class Done, class GoesLeft>
Path path_from(Subtree tree, Done done, GoesLeft goes_left) {
  Path path;
  while (!done(tree)) {
    const bool left = goes_left(tree);
    path.siblings.push_back(left ? tree.right() : tree.left());
    path.on_left.push_back(!left);
    tree = left ? tree.left() : tree.right();
  }
  path.start = tree;
  std::reverse(path.siblings.begin(), path.siblings.end());
  std::reverse(path.on_left.begin(), path.on_left.end());
  return path;
}

// RFC 9162, 2.1.3.1: from the leaf.
Path inclusion_path(std::uint64_t index, std::uint64_t size) {
  return path_from(
      {0, size}, [](const Subtree& tree) { return tree.size() == 1; },
      [index](const Subtree& tree) { return index < tree.middle(); });
}

// RFC 9162, 2.1.4.1: from the largest subtree that ends where the older tree ends. Every sibling on
// the left lies in both trees, every one on the right in the newer tree alone.
Path consistency_path(std::uint64_t from, std::uint64_t to) {
  return path_from(
      {0, to}, [from](const Subtree& tree) { return tree.end == from; },
      [from](const Subtree& tree) { return from <= tree.middle(); });
}

// If that subtree is the older tree itself, its root is known and not in the proof.
bool start_is_known(const Path& path) { return path.start.begin == 0; }

Defect mismatch(std::string why) { return Defect(Fault::proof_mismatch, {}, std::move(why)); }

}  // namespace

TreeHead empty_tree() { return {0, hash(ByteView())}; }

Hash node_hash(const Hash& left, const Hash& right) {
  static constexpr std::uint8_t kPrefix[] = {0x01};
  return hash({ByteView(kPrefix), left, right});
}

void node_hash_pairs(std::vector<Hash>& nodes) {
  static constexpr std::uint8_t kPrefix[] = {0x01};
  ENSURE(nodes.size() % 2 == 0);
  HashMany& many = hash_many();
  // A result overwrites a node that was copied before: place i comes from places 2i and 2i + 1.
  for (std::size_t i = 0; i < nodes.size() / 2; ++i) {
    many.add({ByteView(kPrefix), nodes[2 * i], nodes[2 * i + 1]}, nodes[i]);
  }
  many.finish();
  nodes.resize(nodes.size() / 2);
}

Result<CompactRange> CompactRange::restore(std::uint64_t size, std::vector<Hash> roots) {
  if (roots.size() != static_cast<std::size_t>(std::popcount(size))) {
    return Defect(Fault::value_out_of_range, {},
                  std::to_string(roots.size()) + " subtree roots for size " + std::to_string(size));
  }
  CompactRange range;
  range.size_ = size;
  range.roots_ = std::move(roots);
  return range;
}

void CompactRange::append(const Hash& leaf) { append_subtree(0, leaf); }

void CompactRange::append_subtree(std::uint8_t level, const Hash& root) {
  ENSURE(level < 64 && std::countr_zero(size_) >= level);
  Hash node = root;
  for (std::uint64_t index = size_ >> level; index & 1; index >>= 1) {
    node = node_hash(roots_.back(), node);
    roots_.pop_back();
  }
  roots_.push_back(node);
  size_ += std::uint64_t{1} << level;
}

TreeHead CompactRange::head() const {
  return size_ == 0 ? empty_tree() : TreeHead{size_, root_above(roots_)};
}

std::vector<NodeId> range_nodes(std::uint64_t size) {
  std::vector<NodeId> nodes;
  append_range_nodes({0, size}, nodes);
  return nodes;
}

std::vector<NodeId> range_nodes(std::uint64_t begin, std::uint64_t end) {
  ENSURE(begin <= end);
  std::vector<NodeId> nodes;
  while (begin < end) {
    // As large as its place allows, and as what is left does.
    const int aligned = begin == 0 ? 63 : std::countr_zero(begin);
    const int fitting = static_cast<int>(std::bit_width(end - begin)) - 1;
    const auto level = static_cast<std::uint8_t>(std::min(aligned, fitting));
    nodes.push_back({level, begin >> level});
    begin += std::uint64_t{1} << level;
  }
  return nodes;
}

Hash root_of(std::uint64_t size, const HashReader& reader) {
  if (size == 0) return empty_tree().root;
  return read_roots(std::vector{Subtree{0, size}}, reader).front();
}

InclusionProof prove_inclusion(std::uint64_t index, std::uint64_t size, const HashReader& reader) {
  ENSURE(index < size);
  return read_roots(inclusion_path(index, size).siblings, reader);
}

Result<void> verify_inclusion(std::uint64_t index, const Hash& leaf, const TreeHead& head,
                              const InclusionProof& proof) {
  if (index >= head.size) return mismatch("index is not in the tree");
  const Path path = inclusion_path(index, head.size);
  if (proof.size() != path.siblings.size()) return mismatch("inclusion proof has a wrong length");

  Hash node = leaf;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    node = path.on_left[i] ? node_hash(proof[i], node) : node_hash(node, proof[i]);
  }
  if (node != head.root) return mismatch("inclusion proof leads to another root");
  return ok();
}

ConsistencyProof prove_consistency(std::uint64_t from, std::uint64_t to, const HashReader& reader) {
  ENSURE(0 < from && from <= to);
  const Path path = consistency_path(from, to);
  std::vector<Subtree> trees;
  if (!start_is_known(path)) trees.push_back(path.start);
  trees.insert(trees.end(), path.siblings.begin(), path.siblings.end());
  return read_roots(trees, reader);
}

Result<void> verify_consistency(const TreeHead& from, const TreeHead& to,
                                const ConsistencyProof& proof) {
  if (from.size == 0) return mismatch("a proof from the empty tree proves nothing");
  if (from.size > to.size) return mismatch("the tree became smaller");
  const Path path = consistency_path(from.size, to.size);
  const std::size_t first_sibling = start_is_known(path) ? 0 : 1;
  if (proof.size() != first_sibling + path.siblings.size()) {
    return mismatch("consistency proof has a wrong length");
  }

  Hash older = first_sibling == 0 ? from.root : proof[0];
  Hash newer = older;
  for (std::size_t i = 0; i < path.siblings.size(); ++i) {
    const Hash& sibling = proof[first_sibling + i];
    if (path.on_left[i]) older = node_hash(sibling, older);
    newer = path.on_left[i] ? node_hash(sibling, newer) : node_hash(newer, sibling);
  }
  if (older != from.root) return mismatch("consistency proof leads to another older root");
  if (newer != to.root) return mismatch("consistency proof leads to another newer root");
  return ok();
}

}  // namespace stele::attest
