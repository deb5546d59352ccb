#include "tests/crash/crash_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <system_error>

#include "storage/journal.h"
#include "storage/numbered_file.h"
#include "storage/store.h"
#include "tests/support/check_log.h"

namespace stele::test {
namespace {

using storage::FileSystem;
using storage::Journal;
using storage::Store;

constexpr const char* kDirectory = "/log";
constexpr std::uint64_t kGroupsPerEntry = 4;

storage::StoreOptions store_options(std::uint64_t anchored_size) {
  storage::StoreOptions options;
  options.segment_bytes = 20'000;
  options.block_bytes = 700;
  options.anchored_size = anchored_size;
  return options;
}

constexpr storage::JournalOptions kJournalOptions{.file_bytes = 700};

}  // namespace

CrashSession::CrashSession() {
  records_.add_numbered(1);
  ends_ = {0, 1};
  for (std::uint64_t group = 1; group <= kGroups; ++group) {
    for (std::uint64_t i = 0; i < group * 7 % 11 + 1; ++i) {
      const std::uint64_t size =
          (group * 131 + i * 57) % 700 + (group % 10 == 3 && i == 0 ? 2000 : 0);
      std::string content(size, ' ');
      for (std::size_t at = 0; at < size; ++at)
        content[at] = static_cast<char>((group + i + at) % 251 + 1);
      records_.add(content);
    }
    ends_.push_back(records_.size());
  }
  entries_.push_back(std::string(kGenesisContent));
  for (std::uint64_t i = 1; i <= kGroups / kGroupsPerEntry; ++i) {
    entries_.push_back(std::string(i * 37 % 300, static_cast<char>('a' + i)));
  }
}

void CrashSession::live(FileSystem& files, std::uint64_t groups) {
  const std::string directory = kDirectory;
  if (storage::list_numbers(files, directory + "/journal").empty()) {
    Journal::create(files, directory, test_log_id(), attest::view(kGenesisContent));
    acknowledged_.entries = 1;
  }
  if (storage::list_numbers(files, directory + "/segments").empty()) {
    Store::create(files, directory, test_log_id(), 0, genesis_record());
    acknowledged_.records = 1;
  }
  Journal journal = Journal::open(files, directory, kJournalOptions, {});
  // Every second group counts as anchored, as a journal would say it: what is below is never cut.
  Store store = Store::open(files, directory, store_options(acknowledged_.records / 2));
  std::uint64_t group = 0;
  while (ends_[group] < store.head().size) ++group;
  while (group < groups + 1) {
    if (journal.entries() <= (group - 1) / kGroupsPerEntry) {
      journal.append(attest::EntryKind::remark, attest::view(entries_[journal.entries()]));
      acknowledged_.entries = std::max(acknowledged_.entries, journal.entries());
      continue;
    }
    try {
      store.append(records_.batch(ends_[group], ends_[group + 1]));
    } catch (const std::system_error&) {
      if (store.broken()) throw;
      // A full disk, survived: space has returned, or the second failure ends it.
      store.append(records_.batch(ends_[group], ends_[group + 1]));
    }
    ++group;
    acknowledged_.records = std::max(acknowledged_.records, store.head().size);
  }
}

void CrashSession::run(FileSystem& files, std::uint64_t groups) {
  try {
    live(files, groups);
  } catch (const std::system_error&) {
    // The daemon would exit here, and be started again.
  }
}

void CrashSession::check(FileSystem& files, Tally& tally, const std::string& what) {
  const auto wrong = [&](std::uint64_t& count, const std::string& detail) {
    ++count;
    if (tally.first.empty()) tally.first = what + ": " + detail;
  };
  const LogCheck found = check_log(files, kDirectory, records_, entries_);
  if (!found.wrong.empty()) return wrong(tally.lost, found.wrong);
  if (found.records < acknowledged_.records || found.entries < acknowledged_.entries) {
    return wrong(tally.lost, "only " + std::to_string(found.records) + " records of " +
                                 std::to_string(acknowledged_.records) + ", " +
                                 std::to_string(found.entries) + " entries of " +
                                 std::to_string(acknowledged_.entries));
  }
  if (!std::ranges::binary_search(ends_, found.records)) wrong(tally.lost, "half a group was kept");
  const Store store = Store::open_for_reading(files, kDirectory);
  if (store.head() != attest::TreeHead{found.records, found.root})
    wrong(tally.lost, "head() differs");
  if (attest::root_of(found.records, store) != found.root)
    wrong(tally.lost, "read_hashes() differ");
}

void CrashSession::restart_and_check(FileSystem& files, Tally& tally, const std::string& what) {
  try {
    live(files, 0);
    check(files, tally, what);
  } catch (const storage::Damage& damage) {
    ++tally.false_alarms;
    if (tally.first.empty()) tally.first = what + ": " + damage.what();
  } catch (const std::system_error& error) {
    ++tally.lost;
    if (tally.first.empty()) tally.first = what + ": does not open: " + error.what();
  }
}

void CrashSession::restart_and_finish(FileSystem& files, Tally& tally, const std::string& what) {
  restart_and_check(files, tally, what);
  run(files);
  restart_and_check(files, tally, what + ", gone on");
  if (!finished(files)) {
    ++tally.lost;
    if (tally.first.empty()) tally.first = what + ": cannot be gone on with";
  }
}

bool CrashSession::finished(FileSystem& files) const {
  return Store::open_for_reading(files, kDirectory).head().size == records_.size();
}

void report(int family, const Tally& tally) {
  std::cout << "family " << family << ": injected " << tally.injected << ", lost " << tally.lost
            << ", false alarms " << tally.false_alarms << ", missed " << tally.missed << std::endl;
  EXPECT_GT(tally.injected, 0u);
  EXPECT_EQ(tally.lost, 0u) << tally.first;
  EXPECT_EQ(tally.false_alarms, 0u) << tally.first;
  EXPECT_EQ(tally.missed, 0u) << tally.first;
}

}  // namespace stele::test
