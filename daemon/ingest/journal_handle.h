// A journal as libsystemd has it open: its calls, each under the guard.
//
// libsystemd maps the journal's files. A file cut off under it raises SIGBUS: the guard puts zeros
// where the file was, and the call under way throws EIO; the handle is then done with.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error.
// Trust: journald stamps the fields that begin with an underscore; the others are the senders'.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "daemon/config.h"

struct sd_journal;

namespace stele::daemon {

class JournalHandle {
 public:
  explicit JournalHandle(const Config& config);  // this host's, or a namespace's
  // One file, open for as long; the descriptor stays its owner's.
  JournalHandle(const Config& config, int descriptor);
  // Onto the next entry, or the one before; false: there is none.
  bool next();
  bool previous();
  void seek_head();
  void seek(const std::string& cursor);  // what next() goes to
  bool stands_at(const std::string& cursor);
  // Of the entry it stands on.
  std::string cursor();
  std::string machine();                                              // empty: it has none
  std::string content(const std::string& at, std::size_t max_bytes);  // empty: longer than that
  // Readable where there may be more; then to be told so.
  int descriptor();
  void take_changes();

 private:
  struct Closer {
    void operator()(sd_journal* journal) const;
  };
  void prepare(const Config& config);

  std::unique_ptr<sd_journal, Closer> journal_;
};

}  // namespace stele::daemon
