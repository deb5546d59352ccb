#include "storage/segment_file.h"

#include <algorithm>
#include <utility>

#include "storage/block_content.h"
#include "storage/numbered_file.h"

namespace stele::storage {
namespace {

using attest::Defect;
using attest::Fault;
using attest::Place;
using attest::RecordView;

constexpr std::size_t kMaxHeaderBytes = 256 + 64 * 32;

std::string where(const SegmentFile& segment, std::uint64_t offset) {
  return segment.path + ", byte " + std::to_string(offset);
}

void read_all(const SegmentFile& segment, std::uint64_t offset, std::span<std::uint8_t> out) {
  if (segment.file->read(offset, out) == out.size()) return;
  throw Damage(Fault::segment_damaged, Place::segment(segment.header.number),
               where(segment, offset) + ": the file is shorter than it was");
}

// A group's blocks, one after another.
class BlockWalk {
 public:
  BlockWalk(const SegmentFile& segment, std::uint64_t group, const GroupHeader& header)
      : segment_(segment),
        at_(group + kGroupHeaderBytes + header.leaf_bytes),
        end_(at_ + header.content_bytes),
        records_left_(header.count) {}

  bool done() const { return records_left_ == 0; }
  bool ends_with_group() const { return at_ == end_; }

  // The next block's header; its bytes only if read() is called before the next one.
  attest::Result<BlockHeader> next() {
    std::array<std::uint8_t, kBlockHeaderBytes> bytes;
    if (end_ - at_ < bytes.size()) return Defect(Fault::truncated, {}, "blocks end too early");
    read_all(segment_, at_, bytes);
    auto header = decode_block_header(bytes);
    if (!header) return header;
    stored_at_ = at_ + bytes.size();
    if (header->first != covered_ || header->count > records_left_ ||
        header->stored > end_ - stored_at_) {
      return Defect(Fault::value_out_of_range, {}, "a block holds other records than it must");
    }
    covered_ += header->count;
    records_left_ -= header->count;
    at_ = stored_at_ + header->stored;
    return header;
  }

  // Of the block's records only those of [begin, end), numbered within the group, get their bytes:
  // where few are wanted, most of a block stays unread.
  attest::Result<void> read(const BlockHeader& header, std::uint32_t begin, std::uint32_t end) {
    records_.assign(header.count, RecordView{});
    if (header.codec != 0 || header.cipher != 0) {
      return Defect(Fault::codec_unknown, {}, "codec " + std::to_string(header.codec));
    }
    stored_.resize(header.stored);
    const std::span<std::uint8_t> stored(stored_);
    const std::size_t table = std::min(stored.size(), header.count * kBlockTableEntryBytes);
    read_all(segment_, stored_at_, stored.first(table));
    if (auto laid = read_plain_block(stored_, records_); !laid) return laid;
    std::size_t from = stored.size(), to = 0;
    for (std::uint32_t i = std::max(begin, header.first); i < std::min(end, covered_); ++i) {
      const RecordView& record = records_[i - header.first];
      if (record.state != RecordView::State::present) continue;
      const auto at = static_cast<std::size_t>(record.content.tlvs.data() - stored_.data());
      from = std::min(from, at);
      to = at + record.content.tlvs.size() + record.content.bytes.size();
    }
    if (from < to) read_all(segment_, stored_at_ + from, stored.subspan(from, to - from));
    return attest::ok();
  }
  std::span<const RecordView> records() const { return records_; }

 private:
  const SegmentFile& segment_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::uint64_t stored_at_ = 0;
  std::uint32_t covered_ = 0;
  std::uint32_t records_left_;
  attest::Bytes stored_;
  std::vector<RecordView> records_;
};

// From a group that recovery or the writer has found good: defects are damage.
template <class T>
T&& or_damage(attest::Result<T>&& result, const SegmentFile& segment, std::uint64_t offset,
              std::uint64_t index) {
  if (!result) {
    throw Damage(result.error().fault, Place::index(index),
                 where(segment, offset) + ": " + result.error().detail);
  }
  return std::move(result).value();
}

}  // namespace

std::shared_ptr<const SegmentFile> open_segment(FileSystem& files, const std::string& directory,
                                                std::uint64_t number, FileSystem::Open how) {
  return open_segment_at(files, numbered_path(directory, number), number, how);
}

std::shared_ptr<const SegmentFile> open_segment_at(FileSystem& files, const std::string& path,
                                                   std::uint64_t number, FileSystem::Open how) {
  auto segment = std::make_shared<SegmentFile>();
  segment->path = path;
  segment->file = files.open(segment->path, how);
  attest::Bytes bytes(kMaxHeaderBytes);
  bytes.resize(segment->file->read(0, bytes));
  std::size_t used = 0;
  auto header = decode_segment_header(bytes, used);
  if (!header) {
    throw Damage(header.error().fault, Place::segment(number),
                 segment->path + ": " + header.error().detail);
  }
  if (header->number != number) {
    throw Damage(
        Fault::segment_damaged, Place::segment(number),
        segment->path + ": the header is that of segment " + std::to_string(header->number));
  }
  segment->header = *std::move(header);
  segment->begin = used;
  if (segment->header.is_packed()) {
    if (*segment->header.groups_bytes > segment->file->size() - used) {
      throw Damage(Fault::segment_damaged, Place::segment(number),
                   segment->path + ": the packed groups reach past the end of the file");
    }
    segment->packed =
        std::make_shared<const PackedContents>(segment->file, used + *segment->header.groups_bytes);
  }
  return segment;
}

attest::Result<GroupHeader> read_group_header(const SegmentFile& segment, std::uint64_t offset,
                                              std::uint64_t limit) {
  std::array<std::uint8_t, kGroupHeaderBytes> bytes{};
  if (limit - offset < bytes.size()) return Defect(Fault::truncated, {}, "group header");
  read_all(segment, offset, bytes);
  auto header = decode_group_header(bytes);
  if (!header) return header;
  if (header->marker != segment.header.marker) {
    return Defect(Fault::group_damaged, {}, "the group does not begin with the segment's marker");
  }
  if (header->length_in(segment.header) > limit - offset) {
    return Defect(Fault::truncated, {}, "group");
  }
  return header;
}

attest::Result<WholeGroup> check_group(const SegmentFile& segment, std::uint64_t offset,
                                       std::uint64_t limit, Continuation& at,
                                       std::vector<UpperNode>& complete) {
  const auto header = read_group_header(segment, offset, limit);
  if (!header) return header.error();
  if (header->first_index != at.tree.size() || header->group_number != at.group_number) {
    return Defect(Fault::group_damaged, {}, "the group does not continue the one before it");
  }
  std::array<std::uint8_t, kGroupTrailerBytes> bytes{};
  const std::uint64_t length = header->length_in(segment.header);
  read_all(segment, offset + length - bytes.size(), bytes);
  const auto trailer = decode_group_trailer(bytes);
  if (!trailer) return trailer.error();
  const attest::Hash checksum =
      group_checksum(segment.header, at.previous_checksum, encode(*header), trailer->root);
  if (trailer->length != length || trailer->checksum != checksum) {
    return Defect(Fault::group_damaged, {}, "the group's trailer does not match");
  }
  attest::Bytes leaves;
  read_leaves(segment, offset, 0, header->count, leaves);
  attest::CompactRange tree = at.tree;
  std::vector<UpperNode> nodes;
  for (std::size_t i = 0; i < leaves.size(); i += attest::kLeafBytes) {
    tree.append(attest::leaf_hash(ByteView(leaves).subspan(i, attest::kLeafBytes)),
                [&](attest::NodeId node, const attest::Hash& hash) {
                  if (is_kept_level(node.level)) nodes.push_back({node, hash});
                });
  }
  if (tree.head().root != trailer->root) {
    return Defect(Fault::group_damaged, {}, "the group's leaves do not hash to its root");
  }
  complete.insert(complete.end(), nodes.begin(), nodes.end());
  at = {at.group_number + 1, checksum, std::move(tree)};
  return WholeGroup{*header, checksum};
}

attest::Result<void> check_contents(const SegmentFile& segment, std::uint64_t offset,
                                    const GroupHeader& header) {
  attest::Bytes leaves;
  read_leaves(segment, offset, 0, header.count, leaves);
  BlockWalk walk(segment, offset, header);
  std::uint32_t blocks = 0;
  while (!walk.done()) {
    const auto block = walk.next();
    if (!block) return block.error();
    ++blocks;
    if (const auto read = walk.read(*block, 0, header.count); !read) return read.error();
    for (std::uint32_t i = 0; i < block->count; ++i) {
      const RecordView& record = walk.records()[i];
      const auto leaf = attest::decode_leaf(
          ByteView(leaves).subspan((block->first + i) * attest::kLeafBytes, attest::kLeafBytes));
      if (!leaf) return leaf.error();
      if (record.state == RecordView::State::present &&
          attest::commit(record.content) != leaf->commitment) {
        return Defect(Fault::commitment_mismatch, {}, "a content is not what its leaf commits to");
      }
    }
  }
  if (blocks != header.blocks || !walk.ends_with_group()) {
    return Defect(Fault::group_damaged, {}, "the blocks do not fill the group");
  }
  return attest::ok();
}

void read_leaves(const SegmentFile& segment, std::uint64_t offset, std::uint32_t begin,
                 std::uint32_t end, attest::Bytes& out) {
  const std::size_t before = out.size();
  out.resize(before + (end - begin) * attest::kLeafBytes);
  read_all(segment, offset + kGroupHeaderBytes + begin * attest::kLeafBytes,
           std::span(out).subspan(before));
}

namespace {

// Gives [begin, end) of a group's records to the visitor, one by one.
class Visit {
 public:
  Visit(const SegmentFile& segment, std::uint64_t offset, const GroupHeader& header,
        std::uint32_t begin, std::uint32_t end, const RecordVisitor& visitor)
      : segment_(segment), offset_(offset), header_(header), begin_(begin), visitor_(visitor) {
    read_leaves(segment, offset, begin, end, leaves_);
  }
  bool give(std::uint32_t i, const RecordView& found) {
    const ByteView leaf =
        ByteView(leaves_).subspan((i - begin_) * attest::kLeafBytes, attest::kLeafBytes);
    record_.index = header_.first_index + i;
    std::copy(leaf.begin(), leaf.end(), record_.encoded_leaf.begin());
    record_.leaf = or_damage(attest::decode_leaf(leaf), segment_, offset_, record_.index);
    record_.erased = found.state == RecordView::State::erased;
    record_.salt = found.content.salt;
    record_.tlvs.assign(found.content.tlvs.begin(), found.content.tlvs.end());
    record_.bytes.assign(found.content.bytes.begin(), found.content.bytes.end());
    return visitor_(record_);
  }

 private:
  const SegmentFile& segment_;
  std::uint64_t offset_;
  const GroupHeader& header_;
  std::uint32_t begin_;
  const RecordVisitor& visitor_;
  attest::Bytes leaves_;
  StoredRecord record_;
};

bool visit_packed(const SegmentFile& segment, std::uint64_t offset, const GroupHeader& header,
                  std::uint32_t begin, std::uint32_t end, Visit& visit) {
  const auto first = static_cast<std::uint32_t>(header.first_index - segment.header.first_index);
  std::shared_ptr<const PackedBlock> block;
  for (std::uint32_t i = begin; i < end; ++i) {
    const std::uint64_t index = header.first_index + i;
    if (!block || first + i >= block->end()) {
      block = or_damage(segment.packed->block_of(first + i), segment, offset, index);
    }
    const RecordView& found = block->contents()[first + i - block->first()];
    if (found.state == RecordView::State::missing) {
      throw Damage(Fault::content_missing, Place::index(index),
                   where(segment, offset) + ": its packed block does not open");
    }
    if (found.state == RecordView::State::codec_unknown) {
      throw Damage(Fault::codec_unknown, Place::index(index),
                   where(segment, offset) + ": its packed block has an unknown codec");
    }
    if (!visit.give(i, found)) return false;
  }
  return true;
}

}  // namespace

bool visit_group(const SegmentFile& segment, std::uint64_t offset, const GroupHeader& header,
                 std::uint32_t begin, std::uint32_t end, const RecordVisitor& visitor) {
  Visit visit(segment, offset, header, begin, end, visitor);
  if (segment.packed) return visit_packed(segment, offset, header, begin, end, visit);
  BlockWalk walk(segment, offset, header);
  while (!walk.done()) {
    const BlockHeader block = or_damage(walk.next(), segment, offset, header.first_index);
    if (block.first + block.count <= begin) continue;
    if (block.first >= end) break;
    const auto read = walk.read(block, begin, end);
    if (!read) {
      throw Damage(read.error().fault, Place::index(header.first_index + block.first),
                   where(segment, offset) + ": " + read.error().detail);
    }
    for (std::uint32_t i = std::max(begin, block.first);
         i < std::min(end, block.first + block.count); ++i) {
      if (!visit.give(i, walk.records()[i - block.first])) return false;
    }
  }
  return true;
}

}  // namespace stele::storage
