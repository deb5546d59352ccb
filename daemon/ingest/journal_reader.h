// A reader of one host's journal (sd-journal): entry by entry, from a cursor on, none twice.
//
// Numbers that journald gave and that do not come are counted (not with units: the others' numbers
// are missing anyway); see journal_numbers.h. Files of a directory: journal_directory.h.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error; the reader is then
// done with, another one may be opened.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "daemon/config.h"
#include "daemon/ingest/journal_handle.h"
#include "daemon/ingest/journal_numbers.h"

namespace stele::daemon {

struct JournalEntry {
  std::string content;  // in export format; empty: longer than the limit
  std::string cursor;
  std::uint64_t lost = 0;   // numbers missing before it
  bool renumbered = false;  // where we were is gone, and these numbers cannot tell what is missing
  bool begins = false;      // a span (journal_positions.h)
};

class JournalReader {
 public:
  // cursor: the newest entry that is known; empty: none, so that all entries are read.
  JournalReader(const Config& config, const std::string& cursor);
  bool read(JournalEntry& entry);  // false: no more for now
  // Until there may be more, `wake` (a descriptor) is readable, or the time is up.
  void wait(int wake, std::chrono::milliseconds limit);

 private:
  bool seek(const std::string& cursor);
  void look_back();
  bool find_numbering(const JournalNumber& cursor);
  bool is_known(JournalEntry& entry);

  JournalHandle journal_;
  const std::size_t max_bytes_;
  const bool filtered_;
  std::string gone_cursor_;  // where we were, if that is gone
  bool renumbered_ = false;  // so is all of its numbering, and no entry has come since
  JournalNumbers numbers_;
};

}  // namespace stele::daemon
