// A reader of a directory's journal files, whoever's they are: by the numbers of each counter, none
// lost, none twice, whatever the entries' times say and in whatever order the files come.
//
// journald's files of one folder share a counter, any other numbering has its own
// (journal_header.h). Of each counter the smallest number comes first that is not read yet. A hole
// is waited with until the directory stands still, and looked into once more, since what fills it
// may be on its way; then it is missing, and read nevertheless should it come later. Times play no
// part: a machine whose entries come late is read as any other.
// Thread safety: one thread. Blocks: for the disk. Errors: std::system_error; the reader is then
// done with. A file that cannot be read is told and left alone until it changes.
// Limits: kMaxOpenJournals, kMaxNumberings. See: README.md, "The journal".
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/ingest/journal_file.h"
#include "daemon/ingest/journal_folders.h"
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
  bool read(JournalEntry& entry);  // false: no more for now
  // Until there may be more, `wake` (a descriptor) is readable, or the time is up.
  void wait(int wake, std::chrono::milliseconds limit);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Counter {
    std::list<JournalFile> files;
    std::set<std::string> numberings;             // of which it had files
    std::map<std::string, std::uint64_t> oldest;  // of each, when nothing of the counter was read
    // Two that have had the same number: each of them counts by itself.
    std::set<std::pair<std::string, std::string>> apart;
    std::uint64_t passed = 0;                     // a number that no entry has: see note_end()
    bool goes_on = false;                         // an entry beyond the newest came since the start
  };
  struct LeftAlone {  // read to its end, or refused
    FileLook look;
    std::string numbering;  // empty: not known
  };
  using Held = std::map<FileId, std::pair<Counter*, std::list<JournalFile>::iterator>>;

  void look();
  void look_at(const std::string& folder, const std::string& name, const FileId& id,
               const FileLook& look, const Held& held);
  bool take_changes();
  void refresh();
  void drop_unlisted();
  Held held();
  std::set<std::string, std::less<>> present() const;
  bool mark_vanished();
  void forget_gone();
  void check_open() const;
  void refuse(const JournalFile& file, const std::system_error& why);
  void note_end(Counter& counter, const JournalFile& file) const;
  JournalFile* smallest(Counter& counter);
  JournalFile* open_smallest(Counter& counter);
  bool is_begun(const Counter& counter) const;
  bool shares(const Counter& counter, const std::string& one, const std::string& numbering,
              std::uint64_t number) const;
  std::uint64_t newest_beside(const Counter& counter, const std::string& numbering,
                              std::uint64_t number) const;
  std::uint64_t missing_before(const Counter& counter, const std::string& numbering,
                               std::uint64_t number) const;
  bool stands_still(JournalFile& file) const;
  void look_for_more(Counter& counter);
  bool begins(const Counter& counter, const std::string& numbering, std::uint64_t number) const;
  void note_read(Counter& counter, const std::string& numbering, std::uint64_t number,
                 bool begins);
  bool read(Counter& counter, JournalEntry& entry);

  const Config& config_;
  JournalPositions& positions_;
  JournalFolders folders_;
  std::map<std::string, Counter> counters_;
  std::string turn_;  // the counter that is being read
  std::size_t turns_ = 0;
  std::set<FileId> listed_;
  std::map<FileId, LeftAlone> left_alone_;
  std::vector<std::string> absent_;  // numberings that the log knows, at the start
  bool renumbered_ = false;
  Time looked_at_{};
  Time changed_at_{};
};

}  // namespace stele::daemon
