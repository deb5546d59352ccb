// One journal file that is read in the order of its numbers; its path is opened when it is due.
//
// Held open, it is read to its end even where it has been renamed or removed meanwhile.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/config.h"
#include "daemon/ingest/journal_handle.h"
#include "daemon/ingest/journal_header.h"

namespace stele::daemon {

// Which file it is, whatever it is called.
using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
FileId file_id(const struct stat& status);

class Descriptor {
 public:
  explicit Descriptor(const std::string& path);  // a regular file, to read; none: value < 0
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value;
};
// Nothing: it is no journal file, or not one yet.
std::optional<JournalHeader> read_journal_header(const Descriptor& descriptor);

class JournalFile {
 public:
  JournalFile(std::string path_, FileId id_, JournalHeader header_);

  bool is_open() const { return handle_ != nullptr; }
  bool open(const Config& config, std::uint64_t known);  // false: the path is another file by now
  // The number of its next entry above `known`, 0: none for now. While it is not open, what its
  // header says.
  std::uint64_t next(std::uint64_t known);
  void look_again() { at_end_ = false; }
  void take() { number_ = 0; }  // the entry that next() told is done with
  const std::string& cursor() const { return cursor_; }
  std::string content(std::size_t max_bytes) { return handle_->content(cursor_, max_bytes); }
  bool is_done() const { return done_; }  // archived, and read to its end
  bool is_at_end() const { return at_end_; }

  std::string path;
  FileId id;
  JournalHeader header;
  unsigned unlisted = 0;  // looks at the directory that did not find it any more

 private:
  bool is_archived();

  std::unique_ptr<Descriptor> descriptor_;
  std::unique_ptr<JournalHandle> handle_;
  std::string cursor_;
  std::uint64_t number_ = 0;
  bool at_end_ = false;
  bool done_ = false;
};

}  // namespace stele::daemon
