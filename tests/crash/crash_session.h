// The canonical session of the crash tests, and what must hold whenever it was interrupted.
//
// create (or recover), 50 appends of mixed sizes over small segments, journal entries between them.
// Thread safety: one thread. Errors: run() ends quietly at the first failure that breaks the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/file_system.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/records.h"

namespace stele::test {

// What the outside world was told, over any number of lives of the process.
struct Acknowledged {
  std::uint64_t records = 0;
  std::uint64_t entries = 0;
};

// Counted by every family; all but the first must be zero.
struct Tally {
  std::uint64_t injected = 0;
  std::uint64_t lost = 0;  // acknowledged and not there, or something there that was never given
  std::uint64_t false_alarms = 0;  // Damage reported after nothing but crashes and failing devices
  std::uint64_t missed = 0;        // a failure that went by as if nothing had happened
  std::string first;               // the first thing wrong, for the message
};
// Prints the family's line and asserts its zeros.
void report(int family, const Tally& tally);

class CrashSession {
 public:
  static constexpr std::uint64_t kGroups = 50;
  CrashSession();

  // A life of the process: from opening (or creating) up to `groups` groups in the log, or to the
  // first failure that ends it. PowerCut passes through.
  void run(storage::FileSystem& files, std::uint64_t groups = kGroups);
  // Starts anew on what a crash left and checks everything; counts what is wrong.
  void restart_and_check(storage::FileSystem& files, Tally& tally, const std::string& what);
  // The same, then goes on to the end of the session and checks once more.
  void restart_and_finish(storage::FileSystem& files, Tally& tally, const std::string& what);

  const Acknowledged& acknowledged() const { return acknowledged_; }
  bool all_acknowledged() const { return acknowledged_.records == records_.size(); }

 private:
  void live(storage::FileSystem& files, std::uint64_t groups);
  bool finished(storage::FileSystem& files) const;
  void check(storage::FileSystem& files, Tally& tally, const std::string& what);

  Records records_;
  std::vector<std::uint64_t> ends_;  // the records before and in group i: [ends_[i], ends_[i + 1])
  std::vector<std::string> entries_;
  Acknowledged acknowledged_;
};

}  // namespace stele::test
