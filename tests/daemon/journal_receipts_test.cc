// Goal: a place outside that was away is given just the counter anchors it lacks, in order, through
// every era, and what lies long before them is not read for it. Method: two eras on paper in a
// journal of many small files; every anchor in turn as the newest that the place has; older files
// destroyed.
#include "daemon/outward/journal_receipts.h"

#include <gtest/gtest.h>

#include <fstream>

#include "attest/genesis.h"
#include "storage/journal.h"
#include "tests/support/paper_log.h"
#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

using attest::EntryKind;
using test::PaperLog;

using Anchor = std::pair<attest::Hash, std::uint64_t>;  // of a log, its number

PaperLog two_eras() {
  PaperLog log;
  log.start();
  for (int i = 0; i < 12; ++i) {
    log.events(1);
    log.quote();
    log.counter();
  }
  log.begin_era(test::PaperTpm(), attest::hash(attest::view("end")));
  log.start();
  for (int i = 0; i < 12; ++i) log.counter();
  return log;
}

// As a store would have it, in files of a few entries each; how many.
std::size_t keep(const PaperLog& log, const std::string& directory) {
  storage::FileSystem& files = storage::posix();
  storage::JournalOptions options;
  options.file_bytes = 8192;
  const auto& first = log.entries.at(0).payload;
  storage::Journal::create(files, directory, attest::log_id(first), first);
  auto journal = storage::Journal::open(files, directory, options, [](auto, auto, auto) {});
  for (std::size_t i = 1; i < log.entries.size(); ++i) {
    const auto& [kind, payload] = log.entries[i];
    if (EntryKind{kind} == EntryKind::genesis) {
      journal.begin_era(attest::log_id(payload), payload);
    } else {
      journal.append(EntryKind{kind}, payload);
    }
  }
  return storage::EntryReader(files, directory).files();
}

std::vector<Anchor> given(const std::string& directory, std::optional<PushedThrough> after) {
  JournalReceipts receipts(directory, std::move(after));
  std::vector<Anchor> out;
  while (const auto anchor = receipts.next())
    out.emplace_back(anchor->statement.log_id, anchor->statement.seq);
  return out;
}

TEST(JournalReceipts, APlaceIsGivenWhatItLacksWhereverThatBegins) {
  const test::Scratch folder;
  const PaperLog log = two_eras();
  ASSERT_GT(keep(log, folder.path()), 5u);
  const std::vector<Anchor> all = given(folder.path(), std::nullopt);
  ASSERT_EQ(all.size(), 26u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<Anchor> rest(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end());
    EXPECT_EQ(given(folder.path(), PushedThrough{all[i].first, all[i].second}), rest) << i;
  }
  EXPECT_EQ(given(folder.path(), PushedThrough{attest::hash(attest::view("another")), 3}), all);
}

TEST(JournalReceipts, FilesLongBeforeAreNotRead) {
  const test::Scratch folder;
  keep(two_eras(), folder.path());
  const std::vector<Anchor> all = given(folder.path(), std::nullopt);
  for (const char* name : {"0000000000000000", "0000000000000001"}) {
    std::ofstream(folder / ("journal/" + std::string(name)), std::ios::trunc) << "gone";
  }
  const Anchor& last = all[all.size() - 3];
  EXPECT_EQ(given(folder.path(), PushedThrough{last.first, last.second}),
            std::vector<Anchor>(all.end() - 2, all.end()));
  EXPECT_TRUE(given(folder.path(), std::nullopt).empty()) << "the twin: read from the first";
}

}  // namespace
}  // namespace stele::daemon
