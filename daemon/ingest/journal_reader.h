// A reader of the systemd journal (sd-journal): entry by entry, from a cursor on, none twice.
//
// libsystemd maps the journal's files. A file cut off under it raises SIGBUS: the reader's guard
// puts zeros where the file was, the call under way finds damage, and read() throws; the reader is
// then done with, another one may be opened. Numbers that journald gave and that do not come are
// counted (not with units: the others' numbers are missing anyway); see journal_numbers.h.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error.
// Trust: journald stamps the fields that begin with an underscore; the others are the senders'.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "daemon/config.h"
#include "daemon/ingest/journal_numbers.h"

struct sd_journal;

namespace stele::daemon {

struct JournalEntry {
  std::string content;  // in export format; empty: longer than the limit
  std::string cursor;
  std::uint64_t lost = 0;   // numbers missing before it
  bool renumbered = false;  // where we were is gone, and these numbers cannot tell what is missing
};

class JournalReader {
 public:
  // cursor: the newest entry that is known; empty: none, so that all entries are read.
  JournalReader(const Config& config, const std::string& cursor);
  ~JournalReader();
  bool read(JournalEntry& entry);  // false: no more for now
  // Until there may be more, `wake` (a descriptor) is readable, or the time is up.
  void wait(int wake, std::chrono::milliseconds limit);

 private:
  struct Closer {
    void operator()(sd_journal* journal) const;
  };
  bool next();
  bool seek(const std::string& cursor);
  void look_back();
  bool find_numbering(const JournalNumber& cursor);
  bool is_known(JournalEntry& entry);
  std::string cursor_here();
  std::string machine_here();
  void read_fields(JournalEntry& entry);

  std::unique_ptr<sd_journal, Closer> journal_;
  const std::size_t max_bytes_;
  const bool filtered_;
  std::string gone_cursor_;  // where we were, if that is gone
  bool renumbered_ = false;  // so is all of its numbering, and no entry has come since
  JournalNumbers numbers_;
};

// For tests: how often the guard has stood in for a file that was cut off.
std::uint64_t truncated_pages();

}  // namespace stele::daemon
