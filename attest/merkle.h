// The RFC 9162 Merkle tree: heads, compact ranges, inclusion and consistency proofs, both sides.
//
//   MTH({})      = H()                      empty tree
//   MTH({d})     = H(0x00 ‖ d)              leaf hash (record.h makes it)
//   MTH(D[n])    = H(0x01 ‖ MTH(D[0:k]) ‖ MTH(D[k:n])),  k the largest power of two below n
//
// A node (level, index) is the root of leaves [index·2^level, (index+1)·2^level).
// Thread safety: functions are pure, a CompactRange is a value. Errors: verify_*: proof_mismatch;
// restore: value_out_of_range.
// See: RFC 9162 section 2.1; a consistency proof from size 0 is refused (nothing would be proved).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

struct TreeHead {
  std::uint64_t size = 0;
  Hash root;  // of the empty tree: H()
  bool operator==(const TreeHead&) const = default;
};
TreeHead empty_tree();

struct NodeId {
  std::uint8_t level = 0;
  std::uint64_t index = 0;
  auto operator<=>(const NodeId&) const = default;
};

Hash node_hash(const Hash& left, const Hash& right);  // H(0x01 ‖ left ‖ right)
void node_hash_pairs(std::vector<Hash>& nodes);       // of neighbours, in their place; an even number

// The roots of the complete subtrees that make up a tree, largest first: enough to append to it.
class CompactRange {
 public:
  CompactRange() = default;
  // From a tree's size and its subtree roots, largest first: as many as size has one bits.
  static Result<CompactRange> restore(std::uint64_t size, std::vector<Hash> roots);
  void append(const Hash& leaf);
  // As append, and reports every node that became complete, lowest level first.
  template <class Sink>
  void append(const Hash& leaf, Sink&& sink);
  // Many leaves at once, which is faster; uses them up. Reports every node above them that became
  // complete, each level's in order.
  template <class Sink>
  void append_many(std::vector<Hash>& leaves, Sink&& sink);
  void append_many(std::vector<Hash>& leaves) {
    append_many(leaves, [](NodeId, const Hash&) {});
  }
  // Appends a complete subtree of 2^level leaves; size() must be a multiple of 2^level.
  void append_subtree(std::uint8_t level, const Hash& root);
  TreeHead head() const;
  std::uint64_t size() const { return size_; }
  const std::vector<Hash>& roots() const { return roots_; }

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> roots_;
};

template <class Sink>
void CompactRange::append(const Hash& leaf, Sink&& sink) {
  std::uint64_t index = size_;
  std::uint8_t level = 0;
  Hash node = leaf;
  sink(NodeId{level, index}, node);
  for (; index & 1; index >>= 1) {
    node = node_hash(roots_.back(), node);
    roots_.pop_back();
    sink(NodeId{++level, index >> 1}, node);
  }
  roots_.push_back(node);
  ++size_;
}

// Level by level: what has a right sibling now becomes a node of the level above, what has none
// yet is a root of the range. A left sibling from before is the range's smallest root.
template <class Sink>
void CompactRange::append_many(std::vector<Hash>& nodes, Sink&& sink) {
  std::vector<Hash> roots;  // of the new range, smallest first
  std::uint64_t index = size_;
  size_ += nodes.size();
  for (std::uint8_t level = 0; !nodes.empty(); ++level, index >>= 1) {
    if (level > 0) {
      for (std::size_t i = 0; i < nodes.size(); ++i) sink(NodeId{level, index + i}, nodes[i]);
    }
    if (index & 1) {
      nodes.insert(nodes.begin(), roots_.back());
      roots_.pop_back();
    }
    if (nodes.size() & 1) {
      roots.push_back(nodes.back());
      nodes.pop_back();
    }
    node_hash_pairs(nodes);
  }
  roots_.insert(roots_.end(), roots.rbegin(), roots.rend());
}

// Where a prover gets its nodes. Missing nodes are an accident: throws.
class HashReader {
 public:
  virtual ~HashReader() = default;
  virtual std::vector<Hash> read_hashes(std::span<const NodeId> nodes) const = 0;
};

using InclusionProof = std::vector<Hash>;    // sibling hashes, leaf to root
using ConsistencyProof = std::vector<Hash>;

// The complete subtrees that a tree of this size consists of, largest first.
std::vector<NodeId> range_nodes(std::uint64_t size);
// The complete subtrees that make up the leaves [begin, end) of any tree that has them, in order: at
// most 2 · 63. Their roots, appended one after another, take a CompactRange from begin to end.
std::vector<NodeId> range_nodes(std::uint64_t begin, std::uint64_t end);
Hash root_of(std::uint64_t size, const HashReader& reader);

InclusionProof prove_inclusion(std::uint64_t index, std::uint64_t size, const HashReader& reader);
Result<void> verify_inclusion(std::uint64_t index, const Hash& leaf, const TreeHead& head,
                              const InclusionProof& proof);
ConsistencyProof prove_consistency(std::uint64_t from, std::uint64_t to, const HashReader& reader);
Result<void> verify_consistency(const TreeHead& from, const TreeHead& to,
                                const ConsistencyProof& proof);

}  // namespace stele::attest
