// The folders of a journal directory: which journal files are there, and word of what changes.
//
// The directory itself, and in it the folders named by a machine's id. A folder, or a file in it,
// that cannot be looked at is told, and left out until it can be: the others go on.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error, where the directory
// itself cannot be read.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

struct stat;

namespace stele::daemon {

// Which file it is, whatever it is called; while it is open, or as it looked.
using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
// What differs once a file, or another one that took over its id, has changed.
struct FileLook {
  std::int64_t bytes = 0;
  std::int64_t changed_ns = 0;  // its status, permissions as well
  bool operator==(const FileLook&) const = default;
};
FileId file_id(const struct stat& status);
FileLook file_look(const struct stat& status);

class JournalFolders {
 public:
  explicit JournalFolders(std::string directory);
  ~JournalFolders();
  JournalFolders(const JournalFolders&) = delete;
  JournalFolders& operator=(const JournalFolders&) = delete;

  using Found = std::function<void(const std::string& folder, const std::string& name,
                                   const FileId& id, const FileLook& look)>;
  void list(const Found& found);
  // At the newest listing: not all of what is in it is known.
  bool is_unread(const std::string& folder) const { return unread_.contains(folder); }
  bool all_read() const { return unread_.empty(); }
  // Whether files came, went or were done with since the last call.
  bool take_changes();
  int descriptor() const { return changes_; }  // readable where something changed

 private:
  void list_folder(const std::string& folder, const Found& found);
  void cannot_read(const std::string& folder, const std::string& why);

  const std::string directory_;
  int changes_;  // inotify
  std::set<std::string> unread_;
  std::set<std::string> told_;
};

}  // namespace stele::daemon
