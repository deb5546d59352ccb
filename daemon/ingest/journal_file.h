// One journal file that is read in the order of its numbers; its path is opened when it is due.
//
// Held open, it is read to its end even where it has been renamed or removed meanwhile.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "daemon/config.h"
#include "daemon/ingest/journal_folders.h"
#include "daemon/ingest/journal_handle.h"
#include "daemon/ingest/journal_header.h"
#include "daemon/ingest/journal_positions.h"

namespace stele::daemon {

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
  JournalFile(std::string folder_, std::string path_, FileId id_, FileLook look_,
              JournalHeader header_);

  bool is_open() const { return handle_ != nullptr; }
  bool open(const Config& config, const JournalPositions& read);  // false: it is another by now
  // The number of its next entry that is not read yet, 0: none for now. While it is not open, what
  // its header says.
  std::uint64_t next(const JournalPositions& read);
  void look_again() { at_end_ = false; }
  const std::string& cursor() const { return cursor_; }
  std::string content(std::size_t max_bytes) { return handle_->content(cursor_, max_bytes); }
  bool is_done() const { return done_; }  // archived, and read to its end
  bool is_at_end() const { return at_end_; }
  // Looked at once more while it is open. True: it is to be opened anew, since it is another one by
  // now, or came to its end since the last look though its header says that it has more: libsystemd
  // passes over what it could not read, and does not come back to it. filtered: more may be others'.
  bool is_stuck(const JournalPositions& read, const FileLook& now, bool filtered);

  std::string folder;
  std::string path;
  FileId id;
  FileLook look;  // before it was last looked into
  JournalHeader header;
  unsigned unlisted = 0;  // looks at the directory that did not find it any more
  std::optional<std::chrono::steady_clock::time_point> hole_since;  // before its next entry
  bool waited = false;                                              // for what fills its holes

 private:
  bool is_archived();

  std::unique_ptr<Descriptor> descriptor_;
  std::unique_ptr<JournalHandle> handle_;
  std::string cursor_;
  std::uint64_t number_ = 0;
  FileLook opened_as_;
  std::uint64_t behind_ = 0;  // the number that the header had at the last look, and nobody has read
  bool at_end_ = false;
  bool ended_ = false;  // was at its end since the last look
  bool done_ = false;
};

}  // namespace stele::daemon
