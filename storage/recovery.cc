#include "storage/recovery.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/failpoint.h"
#include "storage/append_file.h"
#include "storage/file_window.h"
#include "storage/numbered_file.h"

namespace stele::storage {
namespace {

using attest::Fault;
using attest::Place;

attest::CompactRange range_of(const SegmentHeader& header) {
  auto range = attest::CompactRange::restore(header.first_index, header.roots);
  ENSURE(range.has_value());  // decode_segment_header() counted the roots
  return *std::move(range);
}

Continuation continuation_of(const SegmentHeader& header) {
  return {0, header.previous_checksum, range_of(header)};
}

[[noreturn]] void damaged(const SegmentFile& segment, const std::string& what) {
  throw Damage(Fault::segment_damaged, Place::segment(segment.header.number),
               segment.path + ": " + what);
}

// That a sealed segment ends with the group that the next header continues. Where that group begins
// stands in its trailer; both are bound by the checksum that the next header repeats.
void check_seal(const SegmentFile& sealed, const SegmentFile& next) {
  const std::uint64_t size = sealed.groups_end();
  std::array<std::uint8_t, kGroupTrailerBytes> bytes{};
  const bool has_trailer = size >= sealed.begin + kGroupHeaderBytes + bytes.size() &&
                           sealed.file->read(size - bytes.size(), bytes) == bytes.size();
  if (!has_trailer) damaged(sealed, "it holds no group");
  const auto trailer = decode_group_trailer(bytes);
  if (!trailer || trailer->checksum != next.header.previous_checksum ||
      trailer->length > size - sealed.begin) {
    damaged(sealed, "it does not end with the group that the next segment continues");
  }
  const auto header = read_group_header(sealed, size - trailer->length, size);
  if (!header || header->first_index + header->count != next.header.first_index ||
      range_of(next.header).head().root != trailer->root) {
    damaged(sealed, "its last group is not the one that the next segment continues");
  }
}

void check_order(const SegmentFile& before, const SegmentFile& segment) {
  const SegmentHeader& old_header = before.header;
  const SegmentHeader& header = segment.header;
  if (header.first_index <= old_header.first_index || header.era < old_header.era ||
      (header.era == old_header.era && header.log_id != old_header.log_id)) {
    damaged(segment, "it does not continue the segment before it");
  }
}

void examine_newest(Recovered& found, std::uint64_t anchored_size) {
  const SegmentFile& segment = *found.newest;
  if (segment.packed) {
    throw Damage(Fault::segment_missing, Place::segment(segment.header.number + 1),
                 segment.path + ": it is packed, which is done when another segment follows: that "
                                "one is missing");
  }
  // A fixed end: a writer may go on beside us, and what it adds later is not torn but not yet
  // there.
  const std::uint64_t size = segment.file->size();
  found.next = continuation_of(segment.header);
  found.end = segment.begin;
  while (found.end < size) {
    Continuation after = found.next;
    const std::size_t complete = found.complete.size();
    const auto group = check_group(segment, found.end, size, after, found.complete);
    attest::Result<void> good = group ? attest::ok() : attest::Result<void>(group.error());
    // Something after a group proves that its sync had returned; only the very last may be torn.
    if (good && found.end + group->header.length() == size) {
      good = check_contents(segment, found.end, group->header);
      if (!good && good.error().fault == Fault::codec_unknown) good = attest::ok();
    }
    if (!good) {
      found.complete.resize(complete);
      const std::uint64_t index = found.next.tree.size();
      const std::string where = segment.path + ", byte " + std::to_string(found.end) + ": ";
      FileWindow window(*segment.file, size);
      if (!window.may_be_torn(segment.header.marker, found.end, kMaxGroupBytes)) {
        throw Damage(Fault::group_damaged, Place::index(index), where + good.error().detail);
      }
      if (index < anchored_size) {
        throw Damage(Fault::records_missing, Place::index(index),
                     where + "damaged, but the journal has an anchor over " +
                         std::to_string(anchored_size) + " records");
      }
      found.torn_bytes = size - found.end;
      return;
    }
    found.groups.push_back({found.end, group->header.first_index});
    found.end += group->header.length();
    found.next = std::move(after);
  }
}

}  // namespace

Recovered examine(FileSystem& files, const std::string& segments, std::uint64_t anchored_size,
                  FileSystem::Open how) {
  const std::vector<std::uint64_t> numbers = list_numbers(files, segments);
  if (numbers.empty())
    throw Damage(Fault::segment_missing, Place::segment(0), segments + ": no segment");
  Recovered found;
  for (std::uint64_t number = 0; number < numbers.size(); ++number) {
    if (numbers[number] != number) {
      throw Damage(Fault::segment_missing, Place::segment(number),
                   numbered_path(segments, number) + " is missing");
    }
    const bool is_newest = number + 1 == numbers.size();
    auto segment =
        open_segment(files, segments, number, is_newest ? how : FileSystem::Open::read_only);
    if (number == 0 && segment->header.first_index != 0)
      damaged(*segment, "it does not begin at record 0");
    if (found.newest) {
      check_order(*found.newest, *segment);
      check_seal(*found.newest, *segment);
    }
    found.first_indices.push_back(segment->header.first_index);
    found.newest = std::move(segment);
  }
  examine_newest(found, anchored_size);
  const std::uint64_t size = found.next.tree.size();
  if (size < anchored_size) {
    throw Damage(Fault::records_missing, Place::index(size),
                 segments + ": the journal has an anchor over " + std::to_string(anchored_size) +
                     " records");
  }
  if (size == 0) {
    throw Damage(Fault::records_missing, Place::index(0),
                 segments + ": the genesis record is missing");
  }
  return found;
}

void repair(FileSystem& files, const std::string& directory, const std::string& segments,
            const Recovered& found) {
  FAILPOINT("recover.before_repair");
  remove_unfinished(files, segments);
  // An empty newest segment was made after its predecessor's last sync had returned, and is synced
  // itself.
  const std::uint64_t begin = found.groups.empty() ? found.end : found.groups.back().offset;
  settle(*found.newest->file, begin, found.end);
  files.sync_directory(segments);
  files.sync_directory(directory);
  FAILPOINT("recover.done");
}

void rebuild(FileSystem& files, const std::string& segments, const Recovered& found,
             HashLevels& levels) {
  std::vector<UpperNode> complete;
  for (std::uint64_t number = 0; number + 1 < found.first_indices.size(); ++number) {
    const auto segment = open_segment(files, segments, number, FileSystem::Open::read_only);
    const std::uint64_t size = segment->groups_end();
    Continuation next = continuation_of(segment->header);
    for (std::uint64_t at = segment->begin; at < size;) {
      const auto group = check_group(*segment, at, size, next, complete);
      if (!group) {
        throw Damage(Fault::group_damaged, Place::index(next.tree.size()),
                     segment->path + ", byte " + std::to_string(at) + ": " + group.error().detail);
      }
      at += group->header.length_in(segment->header);
    }
    for (const UpperNode& node : complete) levels.add(node);
    complete.clear();
    levels.flush();
  }
  levels.sync();
}

}  // namespace stele::storage
