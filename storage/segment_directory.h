// SegmentDirectory: where each durable record lies; what the writer publishes and readers look up.
//
//   index ──► segment (table of first indices, all in memory: 8 bytes a segment)
//         ──► group   (newest segment: in memory; sealed ones: from their group headers, on demand)
//
// Memory: 16 bytes a group for the newest and the kLoaded last used segments, and for kKnownGroups of
// others, whatever the log's size. Descriptors: kLoaded and the newest segment's.
// Thread safety: publishing from one thread, find() and head() from any. One lock, held for a
// search in memory, never for I/O: readers cannot hold the writer up longer than that, so an
// immutable copy of a table that grows with every group would cost more than it saves.
// Blocks: find() may read a sealed segment's headers. Errors: std::system_error, Damage.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/segment_file.h"

namespace stele::storage {

class SegmentDirectory {
 public:
  static constexpr std::size_t kLoaded = 4;
  // A search comes through all segments in turn: as many as this need not be read through again.
  static constexpr std::size_t kKnownGroups = 1u << 20;
  using Groups = std::vector<GroupPlace>;
  using SegmentPointer = std::shared_ptr<const SegmentFile>;

  // first_indices: of every segment, by number; the newest is `newest`, with these groups.
  SegmentDirectory(FileSystem& files, std::string directory,
                   std::vector<std::uint64_t> first_indices, SegmentPointer newest, Groups groups,
                   const attest::TreeHead& head);

  struct Found {
    SegmentPointer segment;
    GroupPlace place;
  };
  Found find(std::uint64_t index) const;  // index < head().size: ENSUREd
  attest::TreeHead head() const;

  // A sealed segment's file was replaced: the next who asks opens the new one.
  void forget(std::uint64_t number);
  std::uint64_t sealed() const;  // segments before the newest: [0, sealed())
  // The writer: a new, empty segment; a group that is durable in it.
  void publish_segment(SegmentPointer segment);
  void publish_group(const GroupPlace& place, const attest::TreeHead& head);

 private:
  using GroupsPointer = std::shared_ptr<const Groups>;
  struct Loaded {
    SegmentPointer segment;
    GroupsPointer groups;
  };
  using LoadedPointer = std::shared_ptr<const Loaded>;
  struct Known {
    bool packed = false;  // a segment is packed once: these are the groups of the file before or since
    GroupsPointer groups;
  };
  LoadedPointer load(std::uint64_t number, std::uint64_t next_first_index, const Known& known) const;
  GroupsPointer read_groups(const SegmentFile& segment, std::uint64_t next_first_index) const;
  void keep(const LoadedPointer& loaded, std::uint64_t forgotten_before) const;

  FileSystem& files_;
  const std::string directory_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<std::uint64_t> first_indices_;
  SegmentPointer newest_;
  Groups newest_groups_;
  attest::TreeHead head_;
  mutable std::vector<LoadedPointer> loaded_;  // last used first
  mutable std::map<std::uint64_t, Known> known_;  // by the segment's number
  mutable std::size_t known_groups_ = 0;          // of all of these
  std::uint64_t forgotten_ = 0;                   // how often something was
};

}  // namespace stele::storage
