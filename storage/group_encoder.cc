#include "storage/group_encoder.h"

#include <cstring>

#include "attest/check.h"

namespace stele::storage {
namespace {

constexpr std::size_t kContentHeaderBytes = 40;
constexpr std::size_t kKeptBufferBytes = 32u << 20;

std::uint8_t* put(std::uint8_t* at, ByteView bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

std::uint8_t* put_u32(std::uint8_t* at, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<std::uint8_t>(value >> shift);
  return at;
}

std::uint64_t plain_bytes(const NewRecord& record) {
  return kContentHeaderBytes + record.tlvs.size() + record.bytes.size();
}

}  // namespace

// Fills blocks_ in and counts.
GroupHeader GroupEncoder::lay_out(std::span<const NewRecord> records) {
  ENSURE(!records.empty() && records.size() <= kMaxGroupRecords);
  GroupHeader header;
  header.count = static_cast<std::uint32_t>(records.size());
  header.leaf_bytes = header.count * static_cast<std::uint32_t>(attest::kLeafBytes);
  header.time_ns = records.back().time_ns;
  blocks_.clear();
  for (std::uint32_t i = 0; i < header.count; ++i) {
    const std::uint64_t plain = plain_bytes(records[i]);
    ENSURE(plain <= kContentHeaderBytes + attest::kMaxContentBytes);
    if (blocks_.empty() || blocks_.back().plain + plain > block_bytes_) {
      blocks_.push_back({.first = i});
      header.content_bytes += kBlockHeaderBytes;
    }
    ++blocks_.back().count;
    blocks_.back().plain += static_cast<std::uint32_t>(plain);
    blocks_.back().stored = blocks_.back().plain;
    header.content_bytes += plain;
  }
  header.blocks = static_cast<std::uint32_t>(blocks_.size());
  ENSURE(header.length() <= kMaxGroupBytes);
  return header;
}

// And commits to them, block by block, while they are in the cache.
void GroupEncoder::put_contents(std::span<const NewRecord> records, std::uint8_t* at) {
  hashes_.resize(records.size());
  for (const BlockHeader& block : blocks_) {
    at = put(at, storage::encode(block));
    const auto inside = records.subspan(block.first, block.count);
    for (const NewRecord& record : inside) {
      at = put(at, record.salt);
      at = put_u32(at, static_cast<std::uint32_t>(record.tlvs.size()));
      at = put_u32(at, static_cast<std::uint32_t>(record.bytes.size()));
    }
    for (const NewRecord& record : inside) at = put(put(at, record.tlvs), record.bytes);
    commit(inside, std::span(hashes_).subspan(block.first, block.count));
  }
}

void GroupEncoder::commit(std::span<const NewRecord> records, std::span<attest::Hash> out) {
  contents_.clear();
  places_.clear();
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    const NewRecord& record = records[i];
    if (record.commitment != nullptr) {
      out[i] = *record.commitment;
    } else {
      contents_.push_back({record.salt, record.tlvs, record.bytes});
      places_.push_back(i);
    }
  }
  commitments_.resize(contents_.size());
  attest::commit_many(contents_, commitments_);
  for (std::size_t i = 0; i < places_.size(); ++i) out[places_[i]] = commitments_[i];
}

void GroupEncoder::put_leaves(std::span<const NewRecord> records, std::uint8_t* at) const {
  for (std::size_t i = 0; i < records.size(); ++i) {
    const NewRecord& record = records[i];
    at = put(at,
             attest::encode(attest::Leaf{record.kind, record.time_ns, record.source, hashes_[i]}));
  }
}

GroupEncoder::Encoded GroupEncoder::encode(const Position& position,
                                           std::span<const NewRecord> records,
                                           attest::CompactRange& tree,
                                           std::vector<UpperNode>& complete) {
  GroupHeader header = lay_out(records);
  header.marker = position.segment.marker;
  header.first_index = tree.size();
  header.group_number = position.group_number;

  const std::size_t length = static_cast<std::size_t>(header.length());
  if (buffer_.size() > kKeptBufferBytes && length <= kKeptBufferBytes) buffer_ = {};
  if (buffer_.size() < length) buffer_.resize(length);
  const auto encoded_header = storage::encode(header);
  std::uint8_t* const leaves = put(buffer_.data(), encoded_header);
  put_contents(records, leaves + header.leaf_bytes);
  put_leaves(records, leaves);
  attest::leaf_hash_many({leaves, header.leaf_bytes}, hashes_);
  tree.append_many(hashes_, [&](attest::NodeId node, const attest::Hash& hash) {
    if (is_kept_level(node.level)) complete.push_back({node, hash});
  });

  GroupTrailer trailer;
  trailer.length = length;
  trailer.root = tree.head().root;
  trailer.checksum =
      group_checksum(position.segment, position.previous_checksum, encoded_header, trailer.root);
  put(leaves + header.leaf_bytes + header.content_bytes, storage::encode(trailer));
  return {ByteView(buffer_.data(), length), trailer.checksum};
}

}  // namespace stele::storage
