// Goal: Journal keeps every entry that append() returned for, in order, across files and restarts.
// Method: the real file system and one in memory; entries of many sizes; every truncation of the
// newest file, every bit of an older entry; a disk that is full for a while.

#include "storage/journal.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <system_error>

#include "storage/damage.h"
#include "storage/journal_format.h"
#include "storage/store_reader.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

using attest::EntryKind;
using test::MemoryFileSystem;

using Entries = std::vector<std::string>;

Journal open(FileSystem& files, const std::string& directory, Entries& entries,
             const JournalOptions& options = {}) {
  entries.clear();
  return Journal::open(files, directory, options,
                       [&](std::uint64_t number, std::uint8_t, attest::ByteView payload) {
                         EXPECT_EQ(number, entries.size());
                         entries.emplace_back(payload.begin(), payload.end());
                       });
}

void create(FileSystem& files, const std::string& directory) {
  Journal::create(files, directory, test::test_log_id(), attest::view("genesis"));
}

TEST(Journal, KeepsEntriesInOrderAcrossFilesAndRestarts) {
  const test::Scratch scratch;
  const std::string directory = scratch / "log";
  create(posix(), directory);
  EXPECT_THROW(create(posix(), directory), std::system_error);
  Entries wanted{"genesis"};
  const JournalOptions options{.file_bytes = 500};
  for (int life = 0; life < 8; ++life) {
    Entries found;
    Journal journal = open(posix(), directory, found, options);
    EXPECT_EQ(found, wanted);
    EXPECT_FALSE(journal.recovered_torn());
    for (int i = 0; i < life; ++i) {
      wanted.push_back(std::string(static_cast<std::size_t>(life * 40 + i), 'e'));
      EXPECT_EQ(journal.append(EntryKind::intent, attest::view(wanted.back())), wanted.size() - 1);
    }
    EXPECT_EQ(journal.entries(), wanted.size());
  }
  EXPECT_GT(posix().list(directory + "/journal").size(), 3u);
}

TEST(Journal, AnEndLongerThanAnyEntryIsNamedNotCut) {
  MemoryFileSystem files;
  create(files, "/log");
  const auto file = files.open("/log/journal/0000000000000000", FileSystem::Open::read_write);
  const std::uint64_t whole = file->size();
  const attest::Bytes zeros(kMaxEntryUnitBytes + 1);
  const attest::ByteView tail(zeros);
  file->write(whole, std::span(&tail, 1));
  Entries found;
  EXPECT_THROW(open(files, "/log", found), Damage);
  EXPECT_EQ(file->size(), whole + kMaxEntryUnitBytes + 1);
  file->truncate(whole + kMaxEntryUnitBytes);
  EXPECT_TRUE(open(files, "/log", found).recovered_torn());
  EXPECT_EQ(file->size(), whole);
}

TEST(Journal, CutsATornNewestEntryAtEveryLength) {
  MemoryFileSystem files;
  create(files, "/log");
  Entries found;
  const std::string path = "/log/journal/0000000000000000";
  std::uint64_t before = 0;
  {
    Journal journal = open(files, "/log", found);
    journal.append(EntryKind::intent, attest::view("kept"));
    before = files.open(path, FileSystem::Open::read_only)->size();
    journal.append(EntryKind::receipt, attest::view("torn"));
  }
  const auto file = files.open(path, FileSystem::Open::read_write);
  for (std::uint64_t size = file->size(); --size > before;) {
    file->truncate(size);
    const auto copy = files.power_loss(std::vector<test::Survival>(files.waiting().size()));
    const Journal journal = open(*copy, "/log", found);
    EXPECT_EQ(found, (Entries{"genesis", "kept"}));
    EXPECT_TRUE(journal.recovered_torn());
    EXPECT_EQ(copy->open(path, FileSystem::Open::read_only)->size(), before);
  }
}

TEST(Journal, DamageBeforeTheNewestEntryIsNamedNotCut) {
  MemoryFileSystem files;
  create(files, "/log");
  Entries found;
  const std::string path = "/log/journal/0000000000000000";
  std::uint64_t newest = 0;
  {
    Journal journal = open(files, "/log", found);
    journal.append(EntryKind::intent, attest::view("older"));
    newest = files.open(path, FileSystem::Open::read_only)->size();
    journal.append(EntryKind::receipt, attest::view("newest"));
  }
  const auto file = files.open(path, FileSystem::Open::read_write);
  const std::uint64_t size = file->size();
  for (std::uint64_t bit = 0; bit < newest * 8; ++bit) {
    const auto flip = [&] {
      std::uint8_t byte = 0;
      file->read(bit / 8, std::span(&byte, 1));
      byte ^= static_cast<std::uint8_t>(1u << bit % 8);
      file->write(bit / 8, std::array{ByteView(&byte, 1)});
    };
    flip();
    EXPECT_THROW(open(files, "/log", found), Damage) << bit;
    EXPECT_EQ(file->size(), size);
    flip();
  }
  EXPECT_EQ(open(files, "/log", found).entries(), 3u);
}

TEST(Journal, MissingFilesAreDamage) {
  MemoryFileSystem files;
  Entries found;
  EXPECT_THROW(open(files, "/log", found), Damage);
  create(files, "/log");
  const JournalOptions options{.file_bytes = 1};
  {
    Journal journal = open(files, "/log", found, options);
    for (int i = 0; i < 3; ++i) journal.append(EntryKind::intent, attest::view("entry"));
  }
  files.remove("/log/journal/0000000000000001");
  EXPECT_THROW(open(files, "/log", found, options), Damage);
}

TEST(Journal, SurvivesAFullDiskAndNothingElse) {
  for (const int error : {ENOSPC, EDQUOT, EIO}) {
    for (const test::Failure failure :
         {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
      MemoryFileSystem files;
      create(files, "/log");
      Entries found;
      Journal journal = open(files, "/log", found);
      files.inject({.at = files.operations(), .failure = failure, .error = error});  // the write
      EXPECT_THROW(journal.append(EntryKind::intent, attest::view("refused")), std::system_error);
      EXPECT_EQ(journal.broken(), error == EIO);
      if (error == EIO) {
        EXPECT_THROW(journal.append(EntryKind::intent, attest::view("later")), std::system_error);
        continue;
      }
      EXPECT_EQ(journal.append(EntryKind::intent, attest::view("later")), 1u);
      open(files, "/log", found);
      EXPECT_EQ(found, (Entries{"genesis", "later"}));
    }
  }
}

const attest::Hash kNextJournalLog = attest::hash(attest::view("the next genesis"));

TEST(Journal, AnEraBeginsWithItsGenesisInAFileOfItsOwn) {
  MemoryFileSystem files;
  create(files, "/log");
  Entries found;
  {
    Journal journal = open(files, "/log", found);
    journal.append(EntryKind::receipt, attest::view("receipt"));
    journal.begin_era(kNextJournalLog, attest::view("the next genesis"));
    EXPECT_EQ(journal.append(EntryKind::receipt, attest::view("its receipt")), 3u);
  }
  open(files, "/log", found).append(EntryKind::intent, attest::view("intent"));
  open(files, "/log", found);
  EXPECT_EQ(found,
            (Entries{"genesis", "receipt", "the next genesis", "its receipt", "intent"}));
  EntryReader entries(files, "/log");
  for (int i = 0; i < 2; ++i) entries.next();
  EXPECT_EQ(entries.log_id(), test::test_log_id());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(entries.next());
  EXPECT_EQ(entries.log_id(), kNextJournalLog);
  EXPECT_FALSE(entries.next() || entries.torn() || entries.defect());
}

TEST(Journal, AnEraIsBegunOrNotWhereverItFails) {
  for (const test::Failure failure :
       {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
    bool struck = true;
    for (std::uint64_t at = 0; struck; ++at) {
      MemoryFileSystem files;
      create(files, "/log");
      Entries found;
      {
        Journal journal = open(files, "/log", found);
        files.inject({.at = files.operations() + at, .failure = failure});
        try {
          journal.begin_era(kNextJournalLog, attest::view("the next genesis"));
        } catch (const test::PowerCut&) {
        }
      }
      struck = files.injected();
      files.revive();
      const auto dark = files.power_loss({});
      open(*dark, "/log", found);
      Journal journal = open(files, "/log", found);
      if (found.size() == 1) journal.begin_era(kNextJournalLog, attest::view("the next genesis"));
      journal.append(EntryKind::receipt, attest::view("receipt"));
      open(files, "/log", found);
      EXPECT_EQ(found, (Entries{"genesis", "the next genesis", "receipt"})) << at;
    }
  }
}

TEST(Journal, AnotherLogsFileWithoutAGenesisIsDamage) {
  MemoryFileSystem files;
  create(files, "/log");
  Entries found;
  const JournalOptions options{.file_bytes = 1};
  open(files, "/log", found, options).append(EntryKind::intent, attest::view("entry"));
  const std::string path = "/log/journal/0000000000000001";
  const auto file = files.open(path, FileSystem::Open::read_write);
  attest::Bytes bytes(file->size());
  file->read(0, bytes);
  JournalHeader header = *decode_journal_header(attest::ByteView(bytes).first(kJournalHeaderBytes));
  header.log_id = kNextJournalLog;
  const auto encoded = encode(header);
  const attest::ByteView whole = encoded;
  file->write(0, std::span(&whole, 1));
  EXPECT_THROW(open(files, "/log", found, options), Damage);
  EntryReader entries(files, "/log");
  while (entries.next()) {
  }
  ASSERT_TRUE(entries.defect());
  EXPECT_EQ(entries.defect()->fault, attest::Fault::journal_damaged);
}

}  // namespace
}  // namespace stele::storage
