#include "storage/segment_format.h"

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>

#include "attest/check.h"

namespace stele::storage {
namespace {

using attest::Defect;
using attest::Fault;
using attest::Place;
using attest::Reader;
using attest::Writer;

constexpr std::string_view kSegmentMagic = "STELESEG";
constexpr std::string_view kBlockMagic = "STBK";
constexpr std::uint16_t kSegmentVersion = 1;
constexpr std::uint16_t kPackedVersion = 2;
constexpr std::size_t kMaxRoots = 64;

template <std::size_t N>
std::array<std::uint8_t, N> fixed(const attest::Bytes& bytes) {
  ENSURE(bytes.size() == N);
  std::array<std::uint8_t, N> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Marker read_segment_marker(Reader& reader) {
  Marker marker{};
  const attest::ByteView bytes = reader.bytes(marker.size());
  std::copy(bytes.begin(), bytes.end(), marker.begin());
  return marker;
}

}  // namespace

attest::Bytes encode(const SegmentHeader& header) {
  ENSURE(header.roots.size() == static_cast<std::size_t>(std::popcount(header.first_index)));
  attest::Bytes out;
  Writer writer(out);
  writer.bytes(attest::view(kSegmentMagic));
  writer.u16(header.is_packed() ? kPackedVersion : kSegmentVersion).u16(attest::kLeafBytes);
  writer.u32(header.era).bytes(header.log_id).u64(header.number).u64(header.first_index);
  writer.bytes(header.marker).bytes(header.previous_checksum);
  writer.u8(static_cast<std::uint8_t>(header.roots.size()));
  for (const attest::Hash& root : header.roots) writer.bytes(root);
  if (header.is_packed()) writer.u64(*header.groups_bytes);
  writer.bytes(attest::hash({attest::tag("stele/v1/segment"), out}));
  return out;
}

attest::Result<SegmentHeader> decode_segment_header(attest::ByteView bytes, std::size_t& used) {
  Reader reader(bytes);
  if (!reader.expect(attest::view(kSegmentMagic))) {
    return Defect(bytes.size() < kSegmentMagic.size() ? Fault::truncated : Fault::bad_magic,
                  Place::byte(0), "segment header");
  }
  const std::uint16_t version = reader.u16();
  const std::uint16_t leaf_size = reader.u16();
  const bool is_known = version == kSegmentVersion || version == kPackedVersion;
  if (!reader.failed() && (!is_known || leaf_size != attest::kLeafBytes)) {
    return Defect(Fault::version_unknown, Place::byte(8),
                  "segment version " + std::to_string(version));
  }
  SegmentHeader header;
  header.era = reader.u32();
  header.log_id = reader.hash();
  header.number = reader.u64();
  header.first_index = reader.u64();
  header.marker = read_segment_marker(reader);
  header.previous_checksum = reader.hash();
  const std::size_t roots_at = reader.at();
  const std::size_t roots = reader.u8();
  if (!reader.failed() &&
      (roots > kMaxRoots || roots != static_cast<std::size_t>(std::popcount(header.first_index)))) {
    return Defect(Fault::value_out_of_range, Place::byte(roots_at), "segment header: roots");
  }
  for (std::size_t i = 0; i < roots; ++i) header.roots.push_back(reader.hash());
  if (version == kPackedVersion) header.groups_bytes = reader.u64();
  const std::size_t covered = reader.at();
  header.checksum = reader.hash();
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(bytes.size()), "segment header");
  if (header.checksum != attest::hash({attest::tag("stele/v1/segment"), bytes.first(covered)})) {
    return Defect(Fault::segment_damaged, Place::byte(covered), "segment header: checksum");
  }
  used = reader.at();
  return header;
}

std::array<std::uint8_t, kGroupHeaderBytes> encode(const GroupHeader& header) {
  attest::Bytes out;
  out.reserve(kGroupHeaderBytes);
  Writer writer(out);
  writer.bytes(header.marker).u64(header.first_index).u32(header.count).u32(header.leaf_bytes);
  writer.u64(header.content_bytes).u32(header.blocks).u32(0).i64(header.time_ns);
  writer.u64(header.group_number);
  return fixed<kGroupHeaderBytes>(out);
}

attest::Result<GroupHeader> decode_group_header(attest::ByteView bytes) {
  Reader reader(bytes);
  GroupHeader header;
  header.marker = read_segment_marker(reader);
  header.first_index = reader.u64();
  header.count = reader.u32();
  header.leaf_bytes = reader.u32();
  header.content_bytes = reader.u64();
  header.blocks = reader.u32();
  const std::uint32_t reserved = reader.u32();
  header.time_ns = reader.i64();
  header.group_number = reader.u64();
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(bytes.size()), "group header");
  if (!reader.done())
    return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "group header");
  const bool in_range =
      reserved == 0 && header.count > 0 && header.count <= kMaxGroupRecords &&
      header.leaf_bytes == header.count * attest::kLeafBytes && header.blocks > 0 &&
      header.blocks <= header.count && header.content_bytes <= kMaxGroupBytes &&
      header.length() <= kMaxGroupBytes && header.first_index <= ~std::uint64_t{0} - header.count;
  if (!in_range) return Defect(Fault::value_out_of_range, Place::byte(0), "group header");
  return header;
}

std::array<std::uint8_t, kGroupTrailerBytes> encode(const GroupTrailer& trailer) {
  attest::Bytes out;
  out.reserve(kGroupTrailerBytes);
  Writer(out).u64(trailer.length).bytes(trailer.root).bytes(trailer.checksum);
  return fixed<kGroupTrailerBytes>(out);
}

attest::Result<GroupTrailer> decode_group_trailer(attest::ByteView bytes) {
  Reader reader(bytes);
  GroupTrailer trailer;
  trailer.length = reader.u64();
  trailer.root = reader.hash();
  trailer.checksum = reader.hash();
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(bytes.size()), "group trailer");
  if (!reader.done())
    return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "group trailer");
  return trailer;
}

attest::Hash group_checksum(const SegmentHeader& segment, const attest::Hash& previous,
                            attest::ByteView group_header, const attest::Hash& root) {
  ENSURE(group_header.size() == kGroupHeaderBytes);
  attest::Bytes number;
  Writer(number).u64(segment.number);
  return attest::hash(
      {attest::tag("stele/v1/group"), segment.log_id, number, previous, group_header, root});
}

std::array<std::uint8_t, kBlockHeaderBytes> encode(const BlockHeader& header) {
  attest::Bytes out;
  out.reserve(kBlockHeaderBytes);
  Writer writer(out);
  writer.bytes(attest::view(kBlockMagic)).u8(header.codec).u8(header.cipher).u16(0);
  writer.u32(header.key_id)
      .u32(header.first)
      .u32(header.count)
      .u32(header.stored)
      .u32(header.plain);
  return fixed<kBlockHeaderBytes>(out);
}

namespace {

// records: how many lie where the block counts its first from.
attest::Result<BlockHeader> decode_block(attest::ByteView bytes, std::uint32_t records) {
  Reader reader(bytes);
  if (!reader.expect(attest::view(kBlockMagic))) {
    return Defect(bytes.size() < kBlockMagic.size() ? Fault::truncated : Fault::bad_magic,
                  Place::byte(0), "block header");
  }
  BlockHeader header;
  header.codec = reader.u8();
  header.cipher = reader.u8();
  const std::uint16_t reserved = reader.u16();
  header.key_id = reader.u32();
  header.first = reader.u32();
  header.count = reader.u32();
  header.stored = reader.u32();
  header.plain = reader.u32();
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(bytes.size()), "block header");
  if (!reader.done())
    return Defect(Fault::trailing_bytes, Place::byte(reader.at()), "block header");
  // A codec or cipher of a later version may give the other fields further meaning; not codec 0,
  // cipher 0.
  const bool is_plain = header.codec == 0 && header.cipher == 0;
  const bool in_range = reserved == 0 && header.count > 0 && header.first < records &&
                        header.count <= records - header.first &&
                        header.count <= kMaxGroupRecords && header.stored <= kMaxGroupBytes &&
                        (!is_plain || (header.stored == header.plain && header.key_id == 0));
  if (!in_range) return Defect(Fault::value_out_of_range, Place::byte(0), "block header");
  return header;
}

}  // namespace

attest::Result<BlockHeader> decode_block_header(attest::ByteView bytes) {
  return decode_block(bytes, kMaxGroupRecords);
}
attest::Result<BlockHeader> decode_packed_block_header(attest::ByteView bytes) {
  return decode_block(bytes, kMaxSegmentRecords);
}

}  // namespace stele::storage
