// Goal: the journal and the chain stay in step whatever a write does, and nothing is stored that
// the chain refuses.
// Method: a log on paper gives the entries, a file system in memory fails the writes.
#include "daemon/anchor_journal.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "storage/append_file.h"
#include "storage/damage.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/paper_log.h"

namespace stele::test {
namespace {

using attest::EntryKind;
using attest::RemarkCode;
using daemon::AnchorJournal;

// A journal in memory that holds the entries of a log on paper.
void store(MemoryFileSystem& files, const PaperLog& log) {
  storage::Journal::create(files, "/log", log.chain->log_id(), log.entries.front().payload);
  auto journal = storage::Journal::open(files, "/log", {}, [](auto, auto, auto) {});
  for (std::size_t i = 1; i < log.entries.size(); ++i) {
    journal.append(EntryKind{log.entries[i].kind}, log.entries[i].payload);
  }
}

AnchorJournal open(MemoryFileSystem& files, const PaperLog& log) {
  return AnchorJournal(files, "/log", log.tpm.identity());
}

TEST(AnchorJournal, ReplaysToTheChainThatTheEntriesLeadTo) {
  PaperLog log;
  log.events(3);
  log.start();
  log.events(3);
  log.quote();
  MemoryFileSystem files;
  store(files, log);
  const AnchorJournal journal = open(files, log);
  EXPECT_EQ(journal.chain().seq(), 1u);
  EXPECT_EQ(journal.chain().fold(), log.chain->fold());
  EXPECT_EQ(journal.chain().newest_digest(), log.chain->newest_digest());
  ASSERT_TRUE(journal.newest_counter_anchor());
  EXPECT_EQ(journal.newest_counter_anchor()->statement.seq, 1u);
  EXPECT_FALSE(journal.newest_counter_anchor()->statement.is_quote());
  EXPECT_EQ(journal.newest_counter_anchor()->receipt.kind, attest::ReceiptKind::full);
}

TEST(AnchorJournal, HasNoCounterAnchorAfterTheGenesisReceiptAlone) {
  PaperLog log;
  MemoryFileSystem files;
  store(files, log);
  EXPECT_FALSE(open(files, log).newest_counter_anchor());
}

TEST(AnchorJournal, StoresNothingThatTheChainRefuses) {
  PaperLog log;
  log.start();
  MemoryFileSystem files;
  store(files, log);
  AnchorJournal journal = open(files, log);
  const std::uint64_t operations = files.operations();
  attest::Statement statement = log.chain->next_counter(log.head(), 0, 0);
  statement.seq += 1;
  const auto added = journal.add(EntryKind::intent, encode(statement));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().fault, attest::Fault::statement_gap);
  EXPECT_EQ(files.operations(), operations);
  EXPECT_FALSE(journal.chain().open_intent());
}

TEST(AnchorJournal, AFullDiskLeavesTheChainAsItWasAndMayBeTriedAgain) {
  PaperLog log;
  log.start();
  MemoryFileSystem files;
  store(files, log);
  AnchorJournal journal = open(files, log);
  const attest::Bytes intent = [&] {
    const auto encoded = encode(log.chain->next_counter(log.head(), 0, 0));
    return attest::Bytes(encoded.begin(), encoded.end());
  }();
  files.inject({files.operations(), Failure::torn, ENOSPC, false});
  bool full = false;
  try {
    (void)journal.add(EntryKind::intent, intent);
  } catch (const std::system_error& error) {
    full = storage::is_full(error);
  }
  ASSERT_TRUE(full);
  EXPECT_FALSE(journal.chain().open_intent());
  files.inject({});
  ASSERT_TRUE(journal.add(EntryKind::intent, intent));
  EXPECT_TRUE(journal.chain().open_intent());
  EXPECT_TRUE(open(files, log).chain().open_intent());
}

TEST(AnchorJournal, SaysThatItStoppedOnceUntilSomethingElseIsSaid) {
  PaperLog log;
  MemoryFileSystem files;
  store(files, log);
  std::size_t entries = log.entries.size();
  const auto count = [&] {
    return storage::Journal::open(files, "/log", {}, [](auto, auto, auto) {}).entries();
  };
  for (int start = 0; start < 3; ++start) open(files, log).remark(RemarkCode::stopped, "put back");
  EXPECT_EQ(count(), entries += 1);
  open(files, log).remark(RemarkCode::stopped, "gone");
  EXPECT_EQ(count(), entries += 1);
  // Each foreign extend is a step of the chain, however alike they are.
  for (int start = 0; start < 3; ++start) open(files, log).remark(RemarkCode::foreign_extend, "x");
  EXPECT_EQ(count(), entries += 3);
}

TEST(AnchorJournal, RefusesEntriesThatNoChainContains) {
  PaperLog log;
  log.start();
  log.entries.push_back(log.entries.back());  // a receipt for no open statement
  MemoryFileSystem files;
  store(files, log);
  EXPECT_THROW(open(files, log), storage::Damage);
}

}  // namespace
}  // namespace stele::test
