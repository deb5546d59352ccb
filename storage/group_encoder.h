// GroupEncoder: turns records into the bytes of one commit group, hashing them on the way.
//
// The hot path: per event two hashes (the commitment, unless its caller made it, and the leaf) and
// one tree node on average, one copy of the content, no allocation once the buffers have grown;
// hashed many at once (attest/hash_many.h).
// Contents are packed greedily into blocks of at most `block_bytes` plain bytes; a record is never
// split. Thread safety: one thread. Errors: too many or too large records are a bug of the caller:
// ENSURE.
#pragma once

#include <span>
#include <vector>

#include "attest/merkle.h"
#include "storage/segment_format.h"
#include "storage/store.h"

namespace stele::storage {

// A node of a level that is kept in a file (8, 16, …), complete since some group.
struct UpperNode {
  attest::NodeId node;
  attest::Hash hash;
};
constexpr std::uint8_t kLevelStep = 8;
inline bool is_kept_level(std::uint8_t level) {
  return level > 0 && level % kLevelStep == 0;
}

class GroupEncoder {
 public:
  explicit GroupEncoder(std::uint32_t block_bytes) : block_bytes_(block_bytes) {}

  // Where the group goes.
  struct Position {
    const SegmentHeader& segment;
    const attest::Hash& previous_checksum;
    std::uint64_t group_number;
  };
  struct Encoded {
    ByteView bytes;  // valid until the next encode()
    attest::Hash checksum;
  };
  // Appends the leaves to `tree` and the kept nodes that became complete to `complete`.
  Encoded encode(const Position& position, std::span<const NewRecord> records,
                 attest::CompactRange& tree, std::vector<UpperNode>& complete);

 private:
  GroupHeader lay_out(std::span<const NewRecord> records);
  void put_contents(std::span<const NewRecord> records, std::uint8_t* at);
  void commit(std::span<const NewRecord> records, std::span<attest::Hash> out);
  void put_leaves(std::span<const NewRecord> records, std::uint8_t* at) const;

  std::uint32_t block_bytes_;
  std::vector<BlockHeader> blocks_;
  std::vector<attest::Content> contents_;  // of one block, as far as nobody has committed to them
  std::vector<std::uint32_t> places_;      // theirs in the block
  std::vector<attest::Hash> commitments_;  // to them
  std::vector<attest::Hash> hashes_;       // commitments, then leaf hashes
  attest::Bytes buffer_;                   // grows to the largest group of late
};

}  // namespace stele::storage
