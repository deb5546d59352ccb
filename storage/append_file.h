// An append-only file that grows by durable units: a commit group, a journal entry.
//
// Thread safety: one thread appends; end() and broken() from any. Blocks: append() syncs.
// Errors: throws std::system_error. After a full disk (ENOSPC, EDQUOT) while writing, the unit is
// cut off again and the file stays usable; after anything else, a failed sync above all, it is
// broken for good: nothing in the page cache may be believed, only opening anew (recovery) says
// what is there.
// Durability: append() returns when the unit is durable.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include "storage/file_system.h"
#include "storage/segment_format.h"

namespace stele::storage {

// The failpoints that an append passes; see README.md, "Failpoints".
struct AppendPoints {
  const char* before_write;
  const char* after_write;
  const char* after_sync;
};

class AppendFile {
 public:
  AppendFile(std::shared_ptr<File> file, std::uint64_t end, const AppendPoints& points);
  void append(ByteView unit);
  std::uint64_t end() const { return end_.load(); }
  bool broken() const { return broken_.load(); }
  const std::shared_ptr<File>& file() const { return file_; }

 private:
  std::shared_ptr<File> file_;
  std::atomic<std::uint64_t> end_;
  std::atomic<bool> broken_{false};
  [[maybe_unused]] const AppendPoints& points_;  // where failpoints are compiled in
};

// A full disk or quota: nothing is wrong with what is stored, and space may return.
bool is_full(const std::system_error& error);

// Makes DIRECTORY/number with these contents, whole or not at all: written under a temporary name,
// synced, renamed, the directory synced. Replaces a file of that name. Throws std::system_error;
// then the file is there whole or not at all, and making it again is harmless as long as nothing
// was appended to it.
std::unique_ptr<File> publish_file(FileSystem&, const std::string& directory, std::uint64_t number,
                                   ByteView contents);
// The temporary name of a file that is not whole yet.
std::string unfinished_path(const std::string& directory, std::uint64_t number);
// Eight random bytes from the OS, unknown to senders, for a new file; see segment_format.h.
Marker random_marker();
// Removes what a crash left under temporary names.
void remove_unfinished(FileSystem&, const std::string& directory);

// Makes the end of a file durable whose last unit may only be in the page cache: a process that
// died after a failed sync leaves pages that look clean and are not on disk. Writes [begin, end)
// again with the bytes it has, cuts off what follows, and syncs.
void settle(File& file, std::uint64_t begin, std::uint64_t end);

}  // namespace stele::storage
