#include "storage/pack.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "attest/check.h"
#include "attest/failpoint.h"
#include "storage/append_file.h"
#include "storage/numbered_file.h"
#include "storage/segment_file.h"

namespace stele::storage {
namespace {

using attest::Bytes;
using attest::Fault;
using attest::Place;

// Logs shrink to a fifth at the fastest levels already; higher ones cost more than they save.
constexpr int kLevel = 3;
// Written and synced in portions: the log's own syncs wait behind one of them, not behind them all.
constexpr std::size_t kWriteBytes = 2u << 20;

class Output {
 public:
  explicit Output(File& file) : file_(file) {}
  void put(ByteView bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() >= kWriteBytes) flush();
  }
  void flush() {
    file_.write(at_, std::array{ByteView(buffer_)});
    at_ += buffer_.size();
    buffer_.clear();
    file_.sync();
  }

 private:
  File& file_;
  std::uint64_t at_ = 0;
  Bytes buffer_;
};

// Fills blocks with contents, and compresses them.
class BlockEncoder {
 public:
  explicit BlockEncoder(Output& out) : out_(out), context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    if (!context_) throw std::bad_alloc();
  }

  void add(const StoredRecord& record) {
    const std::size_t plain = 40 + record.tlvs.size() + record.bytes.size();
    const bool full = header_.count == kMaxGroupRecords ||
                      table_.size() + body_.size() + plain > kPackedPlainBytes;
    if (full && header_.count > 0) finish();
    ++header_.count;
    attest::Writer writer(table_);
    if (record.erased) {
      writer.bytes(attest::Hash{}).u32(kErased).u32(kErased);
      return;
    }
    writer.bytes(record.salt).u32(static_cast<std::uint32_t>(record.tlvs.size()));
    writer.u32(static_cast<std::uint32_t>(record.bytes.size()));
    body_.insert(body_.end(), record.tlvs.begin(), record.tlvs.end());
    body_.insert(body_.end(), record.bytes.begin(), record.bytes.end());
  }

  void finish() {
    if (header_.count == 0) return;
    table_.insert(table_.end(), body_.begin(), body_.end());
    const ByteView stored = compress(table_);
    header_.plain = static_cast<std::uint32_t>(table_.size());
    header_.stored = static_cast<std::uint32_t>(stored.size());
    out_.put(encode(header_));
    out_.put(stored);
    header_ = {.first = header_.first + header_.count};
    table_.clear();
    body_.clear();
  }

 private:
  // Sets the codec. What does not shrink, or shrinks more than a reader would believe, stays plain.
  ByteView compress(ByteView plain) {
    frame_.resize(ZSTD_compressBound(plain.size()));
    const std::size_t length = ZSTD_compressCCtx(context_.get(), frame_.data(), frame_.size(),
                                                 plain.data(), plain.size(), kLevel);
    if (ZSTD_isError(length) != 0) throw std::runtime_error(ZSTD_getErrorName(length));
    const bool fits = length < plain.size() && plain.size() <= kMaxExpansion * length;
    header_.codec = fits ? 1 : 0;
    return fits ? ByteView(frame_).first(length) : plain;
  }

  Output& out_;
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  BlockHeader header_;
  Bytes table_;
  Bytes body_;
  Bytes frame_;
};

struct Group {
  std::uint64_t offset = 0;
  GroupHeader header;
};

[[noreturn]] void pack_damaged(const SegmentFile& segment, std::uint64_t index,
                               const std::string& why) {
  throw Damage(Fault::group_damaged, Place::index(index), segment.path + ": " + why);
}

std::vector<Group> groups_of(const SegmentFile& segment) {
  std::vector<Group> groups;
  std::uint64_t index = segment.header.first_index;
  for (std::uint64_t at = segment.begin; at < segment.groups_end();) {
    const auto header = read_group_header(segment, at, segment.groups_end());
    if (!header) pack_damaged(segment, index, header.error().detail);
    if (header->first_index != index) pack_damaged(segment, index, "a group does not follow");
    groups.push_back({at, *header});
    at += header->length_in(segment.header);
    index += header->count;
  }
  return groups;
}

void put_group(const SegmentFile& from, const Group& group, const SegmentHeader& packed,
               Output& out) {
  out.put(encode(group.header));
  Bytes leaves;
  read_leaves(from, group.offset, 0, group.header.count, leaves);
  out.put(leaves);
  std::array<std::uint8_t, kGroupTrailerBytes> bytes{};
  const std::uint64_t at = group.offset + group.header.length() - bytes.size();
  if (from.file->read(at, bytes) != bytes.size()) {
    pack_damaged(from, group.header.first_index, "a group ends too early");
  }
  auto trailer = decode_group_trailer(bytes);
  if (!trailer) pack_damaged(from, group.header.first_index, trailer.error().detail);
  trailer->length = group.header.length_in(packed);
  out.put(encode(*trailer));
}

struct NoLongerWanted {};

void write_packed(const SegmentFile& from, File& to, const StillWanted& still_wanted) {
  const std::vector<Group> groups = groups_of(from);
  SegmentHeader header = from.header;
  header.groups_bytes = 0;
  std::uint64_t groups_bytes = 0;
  for (const Group& group : groups) groups_bytes += group.header.length_in(header);
  header.groups_bytes = groups_bytes;
  Output out(to);
  out.put(encode(header));
  for (const Group& group : groups) put_group(from, group, header, out);
  BlockEncoder blocks(out);
  for (const Group& group : groups) {
    if (!still_wanted()) throw NoLongerWanted();
    visit_group(from, group.offset, group.header, 0, group.header.count,
                [&](const StoredRecord& record) {
                  blocks.add(record);
                  return true;
                });
  }
  blocks.finish();
  out.flush();
}

std::vector<StoredRecord> records_of(const SegmentFile& segment, const Group& group) {
  std::vector<StoredRecord> records;
  records.reserve(group.header.count);
  visit_group(segment, group.offset, group.header, 0, group.header.count,
              [&](const StoredRecord& record) {
                records.push_back(record);
                return true;
              });
  return records;
}

bool is_same(const StoredRecord& a, const StoredRecord& b) {
  return a.encoded_leaf == b.encoded_leaf && a.erased == b.erased && a.salt == b.salt &&
         a.tlvs == b.tlvs && a.bytes == b.bytes;
}

bool is_same(const SegmentFile& before, const SegmentFile& after, const StillWanted& still_wanted) {
  const std::vector<Group> old_groups = groups_of(before);
  const std::vector<Group> new_groups = groups_of(after);
  if (old_groups.size() != new_groups.size()) return false;
  for (std::size_t i = 0; i < old_groups.size(); ++i) {
    if (!still_wanted()) throw NoLongerWanted();
    if (encode(old_groups[i].header) != encode(new_groups[i].header)) return false;
    const auto old_records = records_of(before, old_groups[i]);
    const auto new_records = records_of(after, new_groups[i]);
    const auto same = [](const StoredRecord& a, const StoredRecord& b) { return is_same(a, b); };
    if (!std::equal(old_records.begin(), old_records.end(), new_records.begin(), new_records.end(),
                    same)) {
      return false;
    }
  }
  return true;
}

}  // namespace

namespace {

void make_packed(FileSystem& files, const SegmentFile& segment, const std::string& path,
                 const StillWanted& still_wanted, PackedSize& size) {
  FAILPOINT("pack.before_write");
  {
    const auto file = files.open(path, FileSystem::Open::create_new);
    write_packed(segment, *file, still_wanted);
    size.after_bytes = file->size();
  }
  // As a stranger would read them: only what is the same in both may replace the other.
  const auto packed =
      open_segment_at(files, path, segment.header.number, FileSystem::Open::read_only);
  if (!is_same(segment, *packed, still_wanted)) {
    throw std::system_error(EIO, std::generic_category(),
                            path + ": what was written reads back otherwise");
  }
}

}  // namespace

std::optional<PackedSize> pack_segment(FileSystem& files, const std::string& segments,
                                       std::uint64_t number, const StillWanted& still_wanted) {
  const auto segment = open_segment(files, segments, number, FileSystem::Open::read_only);
  if (segment->packed) return std::nullopt;
  const std::string path = unfinished_path(segments, number);
  if (files.exists(path)) files.remove(path);
  PackedSize size{segment->file->size(), 0};
  const auto clean_up = [&] {
    try {
      if (files.exists(path)) files.remove(path);
    } catch (const std::system_error&) {
      // The next attempt or recovery removes it; the first failure is the one to report.
    }
  };
  try {
    make_packed(files, *segment, path, still_wanted, size);
  } catch (const NoLongerWanted&) {
    clean_up();
    return std::nullopt;
  } catch (const std::exception&) {
    clean_up();
    throw;
  }
  FAILPOINT("pack.before_rename");
  // Point of no return: from here on the packed one is the segment.
  files.rename(path, segment->path);
  FAILPOINT("pack.before_directory_sync");
  files.sync_directory(segments);
  FAILPOINT("pack.done");
  return size;
}

}  // namespace stele::storage
