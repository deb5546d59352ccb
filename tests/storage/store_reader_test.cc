// Goal: the readers give back what was written, and say of any other bytes what is wrong, without
// crash, hang or trust. Method: stores on paper, their files bent byte by byte; what must hold of every
// bent store is that the groups (entries) given are the first ones of the good store, unchanged.
#include "storage/store_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "storage/journal_format.h"
#include "storage/numbered_file.h"
#include "tests/support/memory_files.h"
#include "tests/support/paper_store.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

using attest::Fault;
using test::MemoryFiles;
using test::PaperStore;
using test::Scratch;

PaperStore good_store() {
  PaperStore store;
  store.log_id = attest::hash(attest::view("a log"));
  store.era = 3;
  store.segments.resize(3);
  int text = 0;
  for (auto& segment : store.segments) {
    for (const std::size_t count : {1u, 3u, 2u}) {
      test::PaperGroup group;
      group.records_per_block = 2;
      for (std::size_t i = 0; i < count; ++i) {
        group.records.push_back(test::paper_record("record " + std::to_string(text++)));
      }
      segment.push_back(std::move(group));
    }
  }
  store.journal.resize(2);
  for (auto& file : store.journal) {
    for (const char* const payload : {"one", "", "three"}) {
      const auto bytes = attest::view(payload);
      file.push_back({9, attest::Bytes(bytes.begin(), bytes.end())});
    }
  }
  return store;
}

struct Seen {
  std::vector<std::string> contents;
  bool torn = false;
  std::uint64_t torn_index = 0;
  std::optional<attest::Defect> defect;
};

Seen read_groups(FileSystem& files, const std::string& directory) {
  Seen seen;
  GroupReader reader(files, directory);
  while (const GroupReader::Group* const group = reader.next()) {
    for (const attest::RecordView& record : group->records) {
      EXPECT_EQ(record.state, attest::RecordView::State::present);
      seen.contents.emplace_back(record.content.bytes.begin(), record.content.bytes.end());
    }
  }
  EXPECT_EQ(reader.next(), nullptr);
  seen.torn = reader.torn();
  seen.torn_index = reader.torn_index();
  seen.defect = reader.defect();
  return seen;
}

Seen read_entries(FileSystem& files, const std::string& directory) {
  Seen seen;
  EntryReader reader(files, directory);
  while (const auto entry = reader.next()) {
    EXPECT_EQ(entry->number, seen.contents.size());
    seen.contents.emplace_back(entry->payload.begin(), entry->payload.end());
  }
  seen.torn = reader.torn();
  seen.defect = reader.defect();
  return seen;
}

Seen read_groups(const std::string& directory) { return read_groups(posix(), directory); }
Seen read_entries(const std::string& directory) { return read_entries(posix(), directory); }
Seen read_groups(MemoryFiles& files) { return read_groups(files, MemoryFiles::kDirectory); }
Seen read_entries(MemoryFiles& files) { return read_entries(files, MemoryFiles::kDirectory); }

std::string slurped(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class StoreReader : public testing::Test {
 protected:
  StoreReader() { good.write(path()); }
  std::string path() const { return scratch.path().string(); }
  std::string segment(std::uint64_t number) const { return numbered_path(path() + "/segments", number); }
  std::string journal(std::uint64_t number) const { return numbered_path(path() + "/journal", number); }
  void expect_fault(Fault fault, const Seen& seen) const {
    ASSERT_TRUE(seen.defect.has_value());
    EXPECT_EQ(name(seen.defect->fault), name(fault)) << seen.defect->detail;
    EXPECT_FALSE(seen.torn);
  }

  Scratch scratch;
  PaperStore good = good_store();
  MemoryFiles memory() const { return MemoryFiles::load(path()); }
};

bool is_beginning(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

TEST_F(StoreReader, GivesBackEveryRecordAndEntryInOrder) {
  const Seen groups = read_groups(path());
  ASSERT_EQ(groups.contents.size(), 18u);
  EXPECT_EQ(groups.contents[17], "record 17");
  EXPECT_FALSE(groups.torn || groups.defect);
  const Seen entries = read_entries(path());
  EXPECT_EQ(entries.contents, (std::vector<std::string>{"one", "", "three", "one", "", "three"}));
  EXPECT_FALSE(entries.torn || entries.defect);
  EXPECT_TRUE(looks_like_store(posix(), path()));
}

TEST_F(StoreReader, TellsWhichGroupIsTheLast) {
  GroupReader reader(posix(), path());
  int groups = 0;
  while (const auto* const group = reader.next()) {
    EXPECT_EQ(group->last, ++groups == 9);
    EXPECT_EQ(reader.segment()->log_id, good.log_id);
  }
  EXPECT_EQ(groups, 9);
}

TEST_F(StoreReader, IgnoresWhatIsNoFileOfOurs) {
  put_file(path() + "/segments/0000000000000003.new", "unfinished");
  put_file(path() + "/segments/000000000000000A", "capitals");
  put_file(path() + "/segments/readme", "hello");
  put_file(path() + "/journal/lost+found", "");
  EXPECT_EQ(read_groups(path()).contents.size(), 18u);
  EXPECT_EQ(read_entries(path()).contents.size(), 6u);
}

TEST_F(StoreReader, AnEmptyOrMissingDirectoryIsMissingEvidence) {
  const Scratch empty;
  EXPECT_FALSE(looks_like_store(posix(), empty.path().string()));
  expect_fault(Fault::segment_missing, read_groups(empty.path().string()));
  expect_fault(Fault::journal_missing, read_entries(empty.path().string()));
}

TEST_F(StoreReader, ADeletedFileIsMissingUnlessItWasTheLast) {
  std::filesystem::remove(segment(1));
  const Seen groups = read_groups(path());
  expect_fault(Fault::segment_missing, groups);
  EXPECT_EQ(groups.defect->at.value, 1u);
  EXPECT_EQ(groups.contents.size(), 6u);
  std::filesystem::remove(journal(0));
  expect_fault(Fault::journal_missing, read_entries(path()));
}

TEST_F(StoreReader, FilesThatChangedPlacesAreDamaged) {
  std::filesystem::rename(segment(1), path() + "/away");
  std::filesystem::rename(segment(2), segment(1));
  std::filesystem::rename(path() + "/away", segment(2));
  expect_fault(Fault::segment_damaged, read_groups(path()));
  std::filesystem::rename(journal(0), path() + "/away");
  std::filesystem::rename(journal(1), journal(0));
  std::filesystem::rename(path() + "/away", journal(1));
  expect_fault(Fault::journal_damaged, read_entries(path()));
}

TEST_F(StoreReader, AnotherLogsSegmentIsDamaged) {
  const Scratch other;
  PaperStore foreign = good_store();
  foreign.log_id = attest::hash(attest::view("another log"));
  foreign.write(other.path().string());
  std::filesystem::copy_file(numbered_path(other / "segments", 1), segment(1),
                             std::filesystem::copy_options::overwrite_existing);
  expect_fault(Fault::segment_damaged, read_groups(path()));
}

// The store with a segment more, of an era so many later, which holds one record.
void add_era(const std::string& directory, std::uint32_t later) {
  const PaperStore store = good_store();
  SegmentHeader header;
  header.era = store.era + later;
  header.log_id = attest::hash(attest::view("the next era's genesis"));
  header.number = 3;
  GroupReader groups(posix(), directory);
  attest::CompactRange tree;
  while (const GroupReader::Group* const group = groups.next()) {
    for (const attest::RecordView& record : group->records) {
      tree.append(attest::leaf_hash(record.leaf));
    }
    header.previous_checksum = group->trailer.checksum;
  }
  header.first_index = tree.size();
  header.roots = tree.roots();
  attest::Bytes bytes = encode(header);
  test::PaperGroup group;
  group.records.push_back(test::paper_record("the next era's genesis", attest::Kind::era));
  const attest::Bytes encoded =
      test::encode_group(group, header, 0, tree, header.previous_checksum);
  bytes.insert(bytes.end(), encoded.begin(), encoded.end());
  put_file(numbered_path(directory + "/segments", 3), std::string(bytes.begin(), bytes.end()));
}

TEST_F(StoreReader, ReadsOnIntoALaterEraAndNeverBackIntoAnEarlierOne) {
  add_era(path(), 1);
  const Seen groups = read_groups(path());
  EXPECT_FALSE(groups.defect);
  EXPECT_FALSE(groups.torn);
  EXPECT_EQ(groups.contents.size(), 19u);
  std::filesystem::remove(segment(3));
  add_era(path(), ~0u);  // one earlier
  expect_fault(Fault::segment_damaged, read_groups(path()));
}

TEST_F(StoreReader, LinksPipesAndDirectoriesAreNotEvidence) {
  const Scratch other;
  std::filesystem::rename(segment(0), other / "segment");
  std::filesystem::create_symlink(other / "segment", segment(0));
  expect_fault(Fault::segment_damaged, read_groups(path()));
  std::filesystem::remove(segment(0));
  ASSERT_EQ(mkfifo(segment(0).c_str(), 0600), 0);
  expect_fault(Fault::segment_damaged, read_groups(path()));
  std::filesystem::remove(segment(0));
  std::filesystem::create_directory(segment(0));
  expect_fault(Fault::segment_damaged, read_groups(path()));
  std::filesystem::remove(journal(1));
  std::filesystem::create_symlink("/dev/zero", journal(1));
  expect_fault(Fault::journal_damaged, read_entries(path()));
}

TEST_F(StoreReader, EveryCutOfTheLastSegmentIsTornOrShorterAndNeverMisread) {
  MemoryFiles files = memory();
  const std::vector<std::string> whole = read_groups(files).contents;
  attest::Bytes& bytes = files.files[MemoryFiles::segment(2)];
  while (!bytes.empty()) {
    bytes.pop_back();
    const Seen seen = read_groups(files);
    EXPECT_TRUE(is_beginning(seen.contents, whole)) << bytes.size();
    EXPECT_LT(seen.contents.size(), whole.size()) << bytes.size();
    if (seen.torn) {
      EXPECT_EQ(seen.torn_index, seen.contents.size()) << bytes.size();
    }
  }
}

TEST_F(StoreReader, EveryCutOfAnEarlierSegmentIsDamage) {
  MemoryFiles files = memory();
  attest::Bytes& bytes = files.files[MemoryFiles::segment(1)];
  while (!bytes.empty()) {
    bytes.pop_back();
    const Seen seen = read_groups(files);
    EXPECT_TRUE(seen.defect.has_value()) << bytes.size();
    EXPECT_FALSE(seen.torn) << bytes.size();
  }
}

TEST_F(StoreReader, EveryFlippedBitOfTheSegmentsLeavesOnlyContentsChanged) {
  MemoryFiles files = memory();
  const std::size_t whole = read_groups(files).contents.size();
  for (std::uint64_t number = 0; number < 3; ++number) {
    attest::Bytes& bytes = files.files[MemoryFiles::segment(number)];
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
      GroupReader reader(files, MemoryFiles::kDirectory);
      std::size_t records = 0;
      while (const auto* const group = reader.next()) records += group->records.size();
      // Nothing missing is ever silent; that contents and leaves changed is check_record's to find.
      EXPECT_TRUE(records == whole || reader.defect() || reader.torn()) << number << " " << bit;
      EXPECT_LE(records, whole);
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
    }
  }
}

TEST_F(StoreReader, AnEndLongerThanAnyUnitIsNotTornAndNotSearched) {
  const auto lengthen = [](const std::string& file, std::uint64_t by) {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) + by);  // sparse
  };
  const std::uint64_t group_end = std::filesystem::file_size(segment(2));
  lengthen(segment(2), kMaxGroupBytes);
  EXPECT_TRUE(read_groups(path()).torn);
  for (const std::uint64_t more : {std::uint64_t{1}, std::uint64_t{1} << 40}) {
    std::filesystem::resize_file(segment(2), group_end + kMaxGroupBytes + more);
    const Seen seen = read_groups(path());
    EXPECT_FALSE(seen.torn);
    ASSERT_TRUE(seen.defect);
    EXPECT_EQ(seen.defect->fault, attest::Fault::group_damaged);
  }
  const std::uint64_t entry_end = std::filesystem::file_size(journal(1));
  lengthen(journal(1), kMaxEntryUnitBytes);
  EXPECT_TRUE(read_entries(path()).torn);
  for (const std::uint64_t more : {std::uint64_t{1}, std::uint64_t{1} << 40}) {
    std::filesystem::resize_file(journal(1), entry_end + kMaxEntryUnitBytes + more);
    const Seen seen = read_entries(path());
    EXPECT_FALSE(seen.torn);
    ASSERT_TRUE(seen.defect);
    EXPECT_EQ(seen.defect->fault, attest::Fault::journal_damaged);
  }
}

TEST_F(StoreReader, OnlyTheNewestGroupMayBeTorn) {
  // The last byte of a group is of its checksum: the group is damaged, those behind it show that it was written.
  std::string bytes = slurped(segment(2));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  put_file(segment(2), bytes);
  Seen seen = read_groups(path());
  EXPECT_TRUE(seen.torn);
  EXPECT_EQ(seen.torn_index, 16u);
  GroupReader reader(posix(), path());
  const std::size_t first_group = reader.next()->bytes.size();
  bytes = slurped(segment(0));
  const std::size_t group_begin = 137;
  bytes[group_begin + first_group - 1] = static_cast<char>(bytes[group_begin + first_group - 1] ^ 1);
  put_file(segment(0), bytes);
  seen = read_groups(path());
  expect_fault(Fault::group_damaged, seen);
  EXPECT_EQ(seen.defect->at.value, 0u);
}

TEST_F(StoreReader, EveryFlippedBitOfTheJournalIsFound) {
  MemoryFiles files = memory();
  const std::vector<std::string> whole = read_entries(files).contents;
  for (std::uint64_t number = 0; number < 2; ++number) {
    attest::Bytes& bytes = files.files[MemoryFiles::journal(number)];
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
      const Seen seen = read_entries(files);
      EXPECT_TRUE(is_beginning(seen.contents, whole)) << number << " " << bit;
      EXPECT_TRUE(seen.torn || seen.defect) << number << " " << bit;
      EXPECT_TRUE(number == 1 || !seen.torn) << "an entry in an older file cannot be torn, bit " << bit;
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
    }
  }
}

TEST_F(StoreReader, EveryCutOfTheJournalIsTornOrShorterAndNeverMisread) {
  MemoryFiles files = memory();
  const std::vector<std::string> whole = read_entries(files).contents;
  attest::Bytes& bytes = files.files[MemoryFiles::journal(1)];
  while (!bytes.empty()) {
    bytes.pop_back();
    const Seen seen = read_entries(files);
    EXPECT_TRUE(is_beginning(seen.contents, whole)) << bytes.size();
    EXPECT_LT(seen.contents.size(), whole.size()) << bytes.size();
  }
}

TEST_F(StoreReader, LengthsThatCannotBeAreRefusedBeforeAnythingIsAllocated) {
  std::string bytes = slurped(segment(0));
  const std::size_t content_bytes_at = 137 + 24;
  for (const char value : {'\x7f', '\xff', '\x01'}) {
    std::string bent = bytes;
    bent[content_bytes_at + 3] = value;
    put_file(segment(0), bent);
    expect_fault(Fault::group_damaged, read_groups(path()));
  }
  bytes = slurped(journal(0));
  bytes[kJournalHeaderBytes + 12] = '\xff';
  put_file(journal(0), bytes);
  expect_fault(Fault::journal_damaged, read_entries(path()));
}

TEST_F(StoreReader, EntriesWrittenAfterTheReaderWasMadeAreNotSeen) {
  EntryReader reader(posix(), path());
  good.journal.back().push_back({9, {1, 2, 3}});
  good.write(path());
  int entries = 0;
  while (reader.next()) ++entries;
  EXPECT_EQ(entries, 6);
  EXPECT_FALSE(reader.torn());
  EXPECT_EQ(reader.log_id(), good.log_id);
}

TEST_F(StoreReader, EntriesFromALaterFileAreThoseOfTheWholeJournal) {
  std::vector<std::pair<std::uint64_t, attest::Bytes>> all;
  EntryReader whole(posix(), path());
  while (auto entry = whole.next()) all.emplace_back(entry->number, entry->payload);
  ASSERT_GT(whole.files(), 1u);
  for (std::uint64_t file = 0; file <= whole.files(); ++file) {
    EntryReader reader(posix(), path(), file);
    std::vector<std::pair<std::uint64_t, attest::Bytes>> some;
    while (auto entry = reader.next()) some.emplace_back(entry->number, entry->payload);
    EXPECT_FALSE(reader.defect() || reader.torn());
    ASSERT_LE(some.size(), all.size());
    EXPECT_EQ(some.empty(), file == whole.files());
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.end() - static_cast<std::ptrdiff_t>(some.size())));
  }
}

TEST_F(StoreReader, ContentUnderAnUnknownCodecIsGivenAsSuch) {
  std::string bytes = slurped(segment(2));
  // The first group of one record: header, leaf, then its block's header with the codec after the magic.
  const std::size_t codec_at = 137 + 32 * 2 + kGroupHeaderBytes + attest::kLeafBytes + 4;
  ASSERT_EQ(bytes.substr(codec_at - 4, 4), "STBK");
  bytes[codec_at] = 7;
  put_file(segment(2), bytes);
  GroupReader reader(posix(), path());
  for (int group = 0; group < 6; ++group) ASSERT_NE(reader.next(), nullptr);
  const auto* const group = reader.next();
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->records[0].state, attest::RecordView::State::codec_unknown);
}

TEST_F(StoreReader, AnErasedContentIsGivenAsErased) {
  const std::size_t table_at = 137 + kGroupHeaderBytes + attest::kLeafBytes + kBlockHeaderBytes;
  PaperStore store = good_store();
  store.segments[0][0].records[0].bytes.clear();
  store.segments[0][0].records[0].salt = {};
  store.write(path());
  std::string bytes = slurped(segment(0));
  bytes.replace(table_at + 32, 8, std::string(8, '\xff'));
  put_file(segment(0), bytes);
  GroupReader reader(posix(), path());
  const auto* const group = reader.next();
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->records[0].state, attest::RecordView::State::erased);
}

}  // namespace
}  // namespace stele::storage
