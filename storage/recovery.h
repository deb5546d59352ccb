// Recovery: from the files of a store to the state that appending and reading go on from.
//
//   every segment     is there, its header whole, continues the one before (index, checksum, root)
//   sealed segments   end with the group that the next header names; their groups are not read
//   newest segment    every group: header, leaves hashed to the trailer's root, chain of checksums
//   newest group      also its contents against its leaves (a torn write may miss only these)
//   damage            with no marker after it, not below `anchored_size`: a torn end, to be cut;
//                     else Damage
//
// Thread safety: one thread. Errors: std::system_error, Damage.
// Memory: the leaves of one group, one content block, 16 bytes a group of the newest segment.
#pragma once

#include <string>
#include <vector>

#include "storage/hash_levels.h"
#include "storage/segment_directory.h"

namespace stele::storage {

struct Recovered {
  std::vector<std::uint64_t> first_indices;  // of every segment
  SegmentDirectory::SegmentPointer newest;
  SegmentDirectory::Groups groups;  // of the newest segment
  Continuation next;                // what the next group continues
  std::uint64_t end = 0;            // of the last good group in the newest segment
  std::uint64_t torn_bytes = 0;     // after it
  std::vector<UpperNode> complete;  // kept nodes that became complete in the newest segment
};

// Finds the state; changes nothing. `how`: for the newest segment's file.
Recovered examine(FileSystem&, const std::string& segments, std::uint64_t anchored_size,
                  FileSystem::Open how);

// Cuts the torn end off, makes the last group and all names durable. Point of no return of a
// recovery.
void repair(FileSystem&, const std::string& directory, const std::string& segments,
            const Recovered&);

// Makes the kept nodes below the newest segment good again from the sealed segments' leaves.
void rebuild(FileSystem&, const std::string& segments, const Recovered&, HashLevels& levels);

}  // namespace stele::storage
