// A reader of a directory's journal files, whoever's they are: by the numbers of each counter, none
// lost, none twice, whatever the entries' times say.
//
// journald's files of one folder share a counter, any other numbering has its own
// (journal_header.h). Of each counter the smallest number comes first. A hole is looked into once
// more, since what fills it may have come to another file meanwhile; then it is missing. Times play
// no part: a machine whose entries come late is read as any other.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error; the reader is then
// done with. A file that cannot be read is told and left alone until it changes.
// Limits: kMaxOpenJournals, kMaxNumberings. See: README.md, "The journal".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "daemon/ingest/journal_file.h"
#include "daemon/ingest/journal_numbers.h"
#include "daemon/ingest/journal_positions.h"
#include "daemon/ingest/journal_reader.h"

namespace stele::daemon {

// Descriptors: those being written, and per counter one that is being caught up with.
constexpr std::size_t kMaxOpenJournals = kMaxNumberings;

class JournalDirectory {
 public:
  // positions: what the log has; kept up to date with what is read.
  JournalDirectory(const Config& config, JournalPositions& positions);
  ~JournalDirectory();
  bool read(JournalEntry& entry);  // false: no more for now
  // Until there may be more, `wake` (a descriptor) is readable, or the time is up.
  void wait(int wake, std::chrono::milliseconds limit);

 private:
  struct Counter {
    std::list<JournalFile> files;
    std::uint64_t newest = 0;  // read; 0: none
    JournalPositions::Newest oldest;  // of each numbering, when nothing of the counter was read
    std::uint64_t missing_before(std::uint64_t number) const;
  };
  using Counters = std::map<std::string, Counter>;
  struct Refused {
    std::int64_t bytes = 0;
    std::int64_t changed_ns = 0;  // its status, permissions as well
    std::string numbering;  // empty: not known
  };

  void look();
  void look_into(const std::string& folder);
  void look_at(const std::string& folder, const std::string& name);
  void watch(const std::string& folder);
  bool take_changes();
  void refresh();
  void drop_unlisted();
  void list();
  std::set<std::string, std::less<>> present() const;
  bool forget_vanished();
  void check_open() const;
  bool is_held(const FileId& id, const std::string& path);
  void refuse(const JournalFile& file, const std::system_error& why);
  JournalFile* smallest(Counter& counter);
  JournalFile* open_smallest(Counter& counter);
  bool read(Counter& counter, JournalEntry& entry);

  const Config& config_;
  JournalPositions& positions_;
  int changes_;  // inotify
  Counters counters_;
  std::string turn_;  // the counter that is being read
  std::size_t turns_ = 0;
  std::set<FileId> listed_;
  std::map<FileId, std::string> done_;  // by numbering
  std::map<FileId, Refused> refused_;
  bool renumbered_ = false;
  std::chrono::steady_clock::time_point looked_at_{};
};

}  // namespace stele::daemon
