// Packing: writes a sealed segment anew, its contents compressed, and puts it in the old one's
// place.
//
//   N ──read──► N.new: header, groups without contents, blocks of up to kPackedPlainBytes
//               sync, read both again and compare record by record, rename over N, sync directory
//
// Leaves, headers, checksums stay as they are, so nothing that was anchored or proved changes.
// Whoever has the old file open goes on reading it. A segment that is damaged in any way is left
// alone. Thread safety: beside a writer and readers; one packs at a time. Blocks: for seconds;
// gives other work precedence only as far as its thread does. Memory: a few MiB, or one group.
// Errors: Damage, std::system_error (a full disk too); then the old file is where it was.
// Durability: at every moment one of the two is there, whole.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "storage/file_system.h"

namespace stele::storage {

// Enough that neighbours compress each other, little enough to be opened for one record.
constexpr std::size_t kPackedPlainBytes = 256u << 10;

struct PackedSize {
  std::uint64_t before_bytes = 0;
  std::uint64_t after_bytes = 0;
};
// Asked now and then, for each group: false ends packing without a trace.
using StillWanted = std::function<bool()>;
// segments: the directory of segment files; number: of one that another follows. Nothing if it was
// packed before, or was no longer wanted.
std::optional<PackedSize> pack_segment(
    FileSystem&, const std::string& segments, std::uint64_t number,
    const StillWanted& still_wanted = [] { return true; });

}  // namespace stele::storage
