// Goal: the failpoints that the README lists are passed, and a failure thrown at any of them loses
// nothing.
// Method: a hook that records, then one that throws, at every pass of every point, on a file system
// in memory.

#include "attest/failpoint.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <system_error>
#include <vector>

#include "storage/journal.h"
#include "storage/store.h"
#include "tests/support/check_log.h"
#include "tests/support/memory_file_system.h"

#ifdef STELE_FAILPOINTS

namespace stele::storage {
namespace {

std::vector<std::string> passed;
std::size_t throw_at = 0;  // of the passes, from 1; 0: never

void hook(const char* name) {
  passed.emplace_back(name);
  if (passed.size() == throw_at) throw std::system_error(EIO, std::generic_category(), name);
}

class Failpoints : public ::testing::Test {
 protected:
  Failpoints() {
    passed.clear();
    throw_at = 0;
    attest::failpoint_hook = &hook;
  }
  ~Failpoints() override { attest::failpoint_hook = nullptr; }
};

struct Told {
  std::uint64_t records = 0;
  std::uint64_t entries = 0;
};

const std::vector<std::string> kEntries{std::string(test::kGenesisContent), "one", "two"};

// Two segments, two journal files, one complete node of level 8.
void session(FileSystem& files, const test::Records& records, Told& told) {
  Journal::create(files, "/log", test::test_log_id(), attest::view(kEntries[0]));
  told.entries = 1;
  Store::create(files, "/log", test::test_log_id(), 0, test::genesis_record());
  told.records = 1;
  Journal journal = Journal::open(files, "/log", {.file_bytes = 1}, {});
  StoreOptions options;
  options.segment_records = 270;
  Store store = Store::open(files, "/log", options);
  for (const std::uint64_t end : {280u, 290u, 300u}) {
    store.append(records.batch(told.records, end));
    told.records = end;
  }
  for (std::uint64_t i = 1; i < kEntries.size(); ++i) {
    journal.append(attest::EntryKind::remark, attest::view(kEntries[i]));
    told.entries = i + 1;
  }
}

TEST_F(Failpoints, AllOfStoreAndJournalArePassed) {
  test::MemoryFileSystem files;
  test::Records records;
  records.add_numbered(300);
  Told told;
  session(files, records, told);
  const std::set<std::string> found(passed.begin(), passed.end());
  const std::set<std::string> listed{"store.append.before_write",
                                     "store.append.before_sync",
                                     "store.append.after_sync",
                                     "journal.append.before_write",
                                     "journal.append.before_sync",
                                     "journal.append.after_sync",
                                     "create.before_create",
                                     "create.before_write",
                                     "create.before_sync",
                                     "create.before_rename",
                                     "create.before_directory_sync",
                                     "create.done",
                                     "recover.before_repair",
                                     "recover.before_sync",
                                     "recover.after_sync",
                                     "recover.done",
                                     "tree.before_write"};
  EXPECT_EQ(found, listed);
}

TEST_F(Failpoints, AFailureAtAnyOfThemLosesNothing) {
  test::Records records;
  records.add_numbered(300);
  std::size_t passes = 1;
  for (std::size_t at = 1; at <= passes; ++at) {
    test::MemoryFileSystem files;
    passed.clear();
    throw_at = at;
    Told told;
    try {
      session(files, records, told);
      passes = passed.size();
    } catch (const std::system_error&) {
      passes = at + 1;
    }
    throw_at = 0;
    if (at > passed.size()) break;  // the session has no such pass: all were tried
    const std::string where = passed[at - 1];
    if (told.records == 0) continue;
    Journal::open(files, "/log", {}, {});
    Store::open(files, "/log", {});
    const auto after = files.power_loss({});
    const test::LogCheck check = test::check_log(*after, "/log", records, kEntries);
    EXPECT_EQ(check.wrong, "") << where;
    EXPECT_GE(check.records, told.records) << where;
    EXPECT_GE(check.entries, told.entries) << where;
  }
  EXPECT_GT(passes, 50u);
}

}  // namespace
}  // namespace stele::storage

#endif
