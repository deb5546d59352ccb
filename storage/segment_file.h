// An opened segment file and the reading of one commit group in it, part by part.
//
// Thread safety: functions; a SegmentFile may be read by several threads. Blocks: reads.
// Errors: the OS failing throws std::system_error; bytes that are not what they must be: Damage, or
// a Defect where the caller has to decide whether they are the torn end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attest/merkle.h"
#include "storage/file_system.h"
#include "storage/group_encoder.h"
#include "storage/packed_contents.h"
#include "storage/segment_format.h"
#include "storage/store.h"

namespace stele::storage {

struct SegmentFile {
  std::string path;
  std::shared_ptr<File> file;
  SegmentHeader header;
  std::uint64_t begin = 0;  // of its first group
  std::shared_ptr<const PackedContents> packed;  // none: the contents lie in the groups
  // Where its groups end, of a sealed one.
  std::uint64_t groups_end() const {
    return packed ? begin + *header.groups_bytes : file->size();
  }
};
// DIRECTORY/number with its header checked: that it is that segment's; not yet what it continues.
std::shared_ptr<const SegmentFile> open_segment(FileSystem&, const std::string& directory,
                                                std::uint64_t number, FileSystem::Open how);
// The same under another name.
std::shared_ptr<const SegmentFile> open_segment_at(FileSystem&, const std::string& path,
                                                   std::uint64_t number, FileSystem::Open how);

// A group's place in its segment.
struct GroupPlace {
  std::uint64_t offset = 0;
  std::uint64_t first_index = 0;
};

// The header of the group at offset, whose bytes must all lie below limit.
attest::Result<GroupHeader> read_group_header(const SegmentFile& segment, std::uint64_t offset,
                                              std::uint64_t limit);

// A group as the log must continue with it: header, lengths, leaves against the trailer's root,
// checksum.
struct Continuation {
  std::uint64_t group_number = 0;
  attest::Hash previous_checksum;
  attest::CompactRange tree;
};
struct WholeGroup {
  GroupHeader header;
  attest::Hash checksum;
};
// On success `at` has moved behind the group and the kept nodes that became complete are appended
// to `complete`; on a defect neither changes.
attest::Result<WholeGroup> check_group(const SegmentFile& segment, std::uint64_t offset,
                                       std::uint64_t limit, Continuation& at,
                                       std::vector<UpperNode>& complete);
// That a group's contents are what its leaves commit to (an erased content passes).
attest::Result<void> check_contents(const SegmentFile& segment, std::uint64_t offset,
                                    const GroupHeader& header);

// Appends the leaves [begin, end) of the group, counted from its first, to `out`.
void read_leaves(const SegmentFile& segment, std::uint64_t offset, std::uint32_t begin,
                 std::uint32_t end, attest::Bytes& out);
// Gives the records [begin, end) of the group to the visitor until it returns false; returns
// whether it never did.
using RecordVisitor = std::function<bool(const StoredRecord&)>;
bool visit_group(const SegmentFile& segment, std::uint64_t offset, const GroupHeader& header,
                 std::uint32_t begin, std::uint32_t end, const RecordVisitor& visitor);

}  // namespace stele::storage
