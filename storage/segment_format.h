// The bytes of a segment file: header, then commit groups; pure encoding, no I/O.
//
// segments/NNNNNNNNNNNNNNNN (16 hex digits: the segment's number):
//
//   header   magic "STELESEG" · version u16 = 1 · leaf_size u16 = 50 · era u32 · log_id 32
//            number u64 · first_index u64 · marker 8 (random)
//            previous_checksum 32 (of the last group before; first: 0)
//            roots count u8 · compact range of the tree at first_index, 32 each
//            header_checksum 32
//            packed (version 2) only: groups_bytes u64, between roots and header_checksum
//            header_checksum = H("stele/v1/segment\0" ‖ all before)
//   group    header 56: marker 8 · first_index u64 · count u32 · leaf_bytes u32 · content_bytes u64
//                       blocks u32 · reserved u32 = 0 · time_ns i64 (of the last record)
//                       group_number u64 (within the segment)
//            leaves  count × leaf_size
//            content blocks, back to back
//            trailer 72: length u64 (of the group, this trailer included)
//                        root 32 (of the tree after it)
//                        checksum 32 = H("stele/v1/group\0" ‖ log_id ‖ number u64 ‖
//                                        previous_checksum ‖ header ‖ root)
//   block    header 28: magic "STBK" · codec u8 · cipher u8 · reserved u16 = 0 · key_id u32
//                       first u32 (record within the group) · count u32 · stored u32 · plain u32,
//            then `stored` bytes
//   plain    codec 0, cipher 0: count × {salt 32 · tlv_length u32 · length u32},
//            then per record TLVs ‖ bytes;
//            an erased record has tlv_length = length = 2^32-1 and a zero salt
//
// A packed segment (version 2; pack.h) is a sealed one written anew: its groups without their
// blocks (their headers as they were, `length` that of what is left), groups_bytes long; then, to
// the end of the file, the contents of all of them in blocks of their own:
//   block    as above, `first` counted within the segment; codec 0, or
//   codec 1  `stored` is one zstd frame of the plain bytes, at most kMaxExpansion times as long
//
// The marker is unknown to senders, so it never occurs inside content: a marker found after a
// damaged group proves that the group was not the last, hence not torn but tampered with.
// The checksum covers the content through the leaves' commitments and the root, so contents may be
// compressed, and one day erased, by writing a sealed segment anew.
// Thread safety: pure. Errors: decode_*: faults of attest. Trust: from the host under judgement.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "attest/codec.h"
#include "attest/merkle.h"
#include "attest/record.h"
#include "attest/result.h"

namespace stele::storage {

constexpr std::size_t kGroupHeaderBytes = 56;
constexpr std::size_t kGroupTrailerBytes = 72;
constexpr std::size_t kBlockHeaderBytes = 28;
constexpr std::uint32_t kErased = 0xffffffff;
constexpr std::uint32_t kMaxGroupRecords = 1u << 16;
constexpr std::uint64_t kMaxGroupBytes = 256u << 20;
constexpr std::uint32_t kMaxSegmentRecords = 1u << 30;  // of a packed segment
// Of codec 1: a block that shrank more is kept plain, so that opening a file costs its reader time
// and memory in proportion to its length.
constexpr std::uint64_t kMaxExpansion = 128;

using Marker = std::array<std::uint8_t, 8>;

struct SegmentHeader {
  std::uint32_t era = 0;
  attest::Hash log_id;
  std::uint64_t number = 0;
  std::uint64_t first_index = 0;
  Marker marker{};
  attest::Hash previous_checksum;
  std::vector<attest::Hash> roots;
  std::optional<std::uint64_t> groups_bytes;  // of a packed segment
  attest::Hash checksum;
  bool is_packed() const { return groups_bytes.has_value(); }
};
attest::Bytes encode(const SegmentHeader& header);  // fills the checksum in
// Reads a header from the front; its length comes back through `used`.
attest::Result<SegmentHeader> decode_segment_header(attest::ByteView bytes, std::size_t& used);

struct GroupHeader {
  Marker marker{};
  std::uint64_t first_index = 0;
  std::uint32_t count = 0;
  std::uint32_t leaf_bytes = 0;
  std::uint64_t content_bytes = 0;
  std::uint32_t blocks = 0;
  std::int64_t time_ns = 0;
  std::uint64_t group_number = 0;
  std::uint64_t length() const {
    return kGroupHeaderBytes + leaf_bytes + content_bytes + kGroupTrailerBytes;
  }
  // In a segment's file: a packed one keeps the contents elsewhere.
  std::uint64_t length_in(const SegmentHeader& segment) const {
    return length() - (segment.is_packed() ? content_bytes : 0);
  }
};
std::array<std::uint8_t, kGroupHeaderBytes> encode(const GroupHeader& header);
attest::Result<GroupHeader> decode_group_header(attest::ByteView bytes);

struct GroupTrailer {
  std::uint64_t length = 0;
  attest::Hash root;
  attest::Hash checksum;
};
std::array<std::uint8_t, kGroupTrailerBytes> encode(const GroupTrailer& trailer);
attest::Result<GroupTrailer> decode_group_trailer(attest::ByteView bytes);
attest::Hash group_checksum(const SegmentHeader& segment, const attest::Hash& previous,
                            attest::ByteView group_header, const attest::Hash& root);

struct BlockHeader {
  std::uint8_t codec = 0;
  std::uint8_t cipher = 0;
  std::uint32_t key_id = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t stored = 0;
  std::uint32_t plain = 0;
};
std::array<std::uint8_t, kBlockHeaderBytes> encode(const BlockHeader& header);
attest::Result<BlockHeader> decode_block_header(attest::ByteView bytes);
attest::Result<BlockHeader> decode_packed_block_header(attest::ByteView bytes);

}  // namespace stele::storage
