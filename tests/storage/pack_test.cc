// Goal: packing changes how a log lies on disk and nothing else, whenever it dies, and a packed
// segment is no place to hide anything.
// Method: stores of many sizes packed and read by every reader; every byte flipped and every
// length; every operation failing, the process and the power dying at each.
#include "storage/pack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "attest/appraiser.h"
#include "storage/numbered_file.h"
#include "storage/store.h"
#include "storage/store_reader.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

using attest::Fault;
using test::MemoryFileSystem;
using test::Records;

StoreOptions small_segments() {
  StoreOptions options;
  options.segment_records = 20;
  options.block_bytes = 512;
  return options;
}

std::string noise(std::size_t size, unsigned seed) {
  std::minstd_rand next(seed + 1);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(next() >> 7);
  return text;
}

// Contents of all sorts, in groups of all sizes.
Records varied_records() {
  Records records;
  records.add_numbered(1);
  for (unsigned i = 0; i < 90; ++i) {
    switch (i % 6) {
      case 0:
        records.add("");
        break;
      case 1:
        records.add(noise(i * 30, i));
        break;
      case 2:
        records.add(std::string(i * 4000, 'z'));
        break;
      case 3:
        records.add("user=alice action=login number=" + std::to_string(i));
        break;
      case 4:
        records.add(noise(kPackedPlainBytes / 2 + i, i));
        break;
      default:
        records.add("user=bob action=sudo outcome=denied\n", attest::Kind::note);
        break;
    }
  }
  return records;
}

void fill(FileSystem& files, const std::string& directory, const Records& records,
          std::size_t group = 3) {
  Store::create(files, directory, test::test_log_id(), 0, test::genesis_record());
  Store store = Store::open(files, directory, small_segments());
  for (std::uint64_t at = 1; at < records.size();) {
    const std::uint64_t end = std::min<std::uint64_t>(records.size(), at + group + at % 4);
    store.append(records.batch(at, end));
    at = end;
  }
}

void pack_all(const Store& store) {
  ASSERT_GE(store.sealed_segments(), 2u);
  for (std::uint64_t i = 0; i < store.sealed_segments(); ++i) {
    EXPECT_TRUE(store.pack(i).has_value());
    EXPECT_FALSE(store.pack(i).has_value()) << "packed once is packed";
  }
}

void expect_packed_holds(const Store& store, const Records& records) {
  ASSERT_EQ(store.head().size, records.size());
  for (std::uint64_t i = 0; i < records.size(); ++i) {
    const StoredRecord record = store.read(i);  // checks the content against the leaf
    ASSERT_EQ(record.leaf, records.leaf(i)) << i;
    ASSERT_EQ(std::string(record.bytes.begin(), record.bytes.end()), records.content(i)) << i;
  }
  std::uint64_t next = 0;
  store.visit(0, records.size(), [&](const StoredRecord& record) {
    EXPECT_EQ(record.index, next);
    EXPECT_EQ(std::string(record.bytes.begin(), record.bytes.end()), records.content(next));
    ++next;
    return true;
  });
  EXPECT_EQ(next, records.size());
}

// What a verifier finds in the records alone, on one thread or two.
attest::Report judge(FileSystem& files, const std::string& directory, unsigned jobs = 1) {
  attest::Appraiser appraiser{attest::Options{}};
  present(files, directory, appraiser, jobs, {});
  return appraiser.report();
}

class PackTest : public testing::Test {
 protected:
  PackTest() { fill(posix(), directory(), records); }
  std::string directory() const { return scratch_ / "log"; }
  std::string segment(std::uint64_t number) const {
    return numbered_path(directory() + "/segments", number);
  }

  const Records records = varied_records();

 private:
  test::Scratch scratch_;
};

TEST_F(PackTest, EveryReaderFindsWhatItFoundBefore) {
  const attest::Report before = judge(posix(), directory());
  EXPECT_EQ(before.tree.size, records.size());
  {
    const Store store = Store::open(posix(), directory(), small_segments());
    expect_packed_holds(store, records);  // and has the segments open as they were
    pack_all(store);
    expect_packed_holds(store, records);
  }
  for (const unsigned jobs : {1u, 2u}) {
    const attest::Report after = judge(posix(), directory(), jobs);
    EXPECT_EQ(attest::to_json(after), attest::to_json(before));
  }
  expect_packed_holds(Store::open_for_reading(posix(), directory()), records);
  std::filesystem::remove_all(directory() + "/tree");
  Store store = Store::open(posix(), directory(), small_segments());
  EXPECT_EQ(store.head(), before.tree);
  expect_packed_holds(store, records);
  const attest::NodeId root_of_64{6, 0};
  EXPECT_EQ(store.read_hashes(std::span(&root_of_64, 1)).size(), 1u);
  Records more = records;
  more.add("and on it goes");
  store.append(more.batch(records.size(), more.size()));
  expect_packed_holds(store, more);
}

TEST_F(PackTest, WhoeverHasTheOldFileOpenGoesOnReadingIt) {
  const Store reader = Store::open_for_reading(posix(), directory());
  expect_packed_holds(reader, records);
  GroupReader groups(posix(), directory());
  ASSERT_NE(groups.next(), nullptr);
  pack_all(Store::open(posix(), directory(), small_segments()));
  expect_packed_holds(reader, records);
  std::uint64_t count = 1;
  while (GroupReader::Group* const group = groups.next()) {
    group->unpack();
    count += group->records.size();
  }
  EXPECT_FALSE(groups.defect().has_value());
  EXPECT_EQ(count, records.size());
}

TEST_F(PackTest, TextShrinksAndWhatWouldExpandTooMuchOrNotShrinkStaysPlain) {
  pack_all(Store::open(posix(), directory(), small_segments()));
  std::size_t plain = 0, compressed = 0;
  const auto numbers = list_numbers(posix(), directory() + "/segments");
  for (std::uint64_t number = 0; number + 1 < numbers.size(); ++number) {
    const auto file = posix().open(segment(number), FileSystem::Open::read_only);
    attest::Bytes bytes(4096);
    bytes.resize(file->read(0, bytes));
    std::size_t used = 0;
    const auto header = decode_segment_header(bytes, used);
    ASSERT_TRUE(header && header->is_packed());
    PackedBlocks blocks(*file, used + *header->groups_bytes);
    while (!blocks.done()) {
      const auto block = blocks.skip();
      ASSERT_TRUE(block.has_value()) << block.error().detail;
      ++(block->codec == 0 ? plain : compressed);
      EXPECT_TRUE(block->plain <= kPackedPlainBytes || block->count == 1);
      if (block->codec == 1) {
        EXPECT_LT(block->stored, block->plain);
        EXPECT_LE(block->plain, kMaxExpansion * block->stored);
      }
    }
  }
  EXPECT_GT(plain, 0u);
  EXPECT_GT(compressed, 0u);
}

// A record's content is bound by its leaf, wherever it lies: what is read is the truth or a defect.
TEST_F(PackTest, NoByteOfAPackedSegmentCanBeChangedToChangeARecord) {
  Records few;
  few.add_numbered(1);
  for (int i = 0; i < 45; ++i) few.add("user=alice action=login number=" + std::to_string(i % 3));
  MemoryFileSystem files;
  fill(files, "/log", few);
  pack_all(Store::open(files, "/log", small_segments()));
  const std::string good = attest::to_json(judge(files, "/log"));
  const std::string path = numbered_path("/log/segments", 1);
  const auto file = files.open(path, FileSystem::Open::read_write);
  attest::Bytes original(file->size());
  ASSERT_EQ(file->read(0, original), original.size());
  std::size_t harmless = 0;
  for (std::size_t at = 0; at < original.size(); ++at) {
    attest::Bytes bent = original;
    bent[at] ^= static_cast<std::uint8_t>(1u << at % 8);
    file->write(0, std::array{ByteView(bent)});
    const attest::Report report = judge(files, "/log");
    if (report.integrity == attest::Outcome::pass) {
      ++harmless;  // zstd has bits that it does not read: then all records are as they were
      EXPECT_EQ(attest::to_json(report), good) << "byte " << at;
      EXPECT_EQ(report.tree.size, few.size());
    }
  }
  EXPECT_LT(harmless, original.size() / 50);
  for (std::size_t length = 0; length < original.size(); ++length) {
    file->truncate(0);
    file->write(0, std::array{ByteView(original).first(length)});
    EXPECT_NE(judge(files, "/log").integrity, attest::Outcome::pass) << length;
  }
}

TEST_F(PackTest, ABlockThatClaimsToExpandBeyondTheLimitIsNotOpened) {
  BlockHeader header{.codec = 1, .count = 1, .stored = 10, .plain = 10 * kMaxExpansion + 1};
  const test::Scratch scratch;
  std::ofstream(scratch / "file", std::ios::binary)
      .write(reinterpret_cast<const char*>(encode(header).data()), kBlockHeaderBytes)
      .write("0123456789", 10);
  const auto file = posix().open(scratch / "file", FileSystem::Open::read_only);
  const auto block = PackedBlocks(*file, 0).next();
  ASSERT_FALSE(block.has_value());
  EXPECT_EQ(block.error().fault, Fault::value_out_of_range);
}

TEST_F(PackTest, APackedSegmentThatNoneFollowsTellsOfAMissingOne) {
  const std::uint64_t sealed = [&] {
    const Store store = Store::open(posix(), directory(), small_segments());
    pack_all(store);
    return store.sealed_segments();
  }();
  std::filesystem::remove(segment(sealed));
  const attest::Report report = judge(posix(), directory());
  EXPECT_TRUE(std::any_of(
      report.defects.begin(), report.defects.end(),
      [](const attest::Defect& defect) { return defect.fault == Fault::segment_missing; }));
  EXPECT_EQ(report.conclusion, attest::Conclusion::tampered);
  try {
    static_cast<void>(Store::open(posix(), directory(), small_segments()));
    FAIL() << "opened";
  } catch (const Damage& damage) {
    EXPECT_EQ(damage.defect().fault, Fault::segment_missing);
  }
}

TEST_F(PackTest, ADamagedSegmentIsLeftAsItIs) {
  const Store store = Store::open(posix(), directory(), small_segments());
  {
    std::fstream file(segment(1), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-30, std::ios::end);
    file.put('\x55');
    file.seekp(200);
    file.put('\x55');
  }
  const auto before = std::filesystem::file_size(segment(1));
  EXPECT_THROW(static_cast<void>(store.pack(1)), Damage);
  EXPECT_EQ(std::filesystem::file_size(segment(1)), before);
  EXPECT_FALSE(std::filesystem::exists(segment(1) + ".new"));
}

// One pack, dying or failing at its n-th operation; false: it did not get there.
bool pack_until(MemoryFileSystem& files, std::uint64_t at, test::Failure failure, int error) {
  files.inject({.at = files.operations() + at, .failure = failure, .error = error});
  try {
    static_cast<void>(pack_segment(files, "/log/segments", 0));
  } catch (const test::PowerCut&) {
  } catch (const std::system_error&) {
  } catch (const Damage&) {  // a read that failed half-way gave other bytes
  }
  return files.injected();
}

Records few_records() {
  Records records;
  records.add_numbered(60);
  return records;
}

TEST(PackCrash, EveryOperationFailingOrDyingLeavesTheOldSegmentOrTheNewOne) {
  const Records few = few_records();
  std::size_t cases = 0;
  for (const auto failure : {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
    for (const int error : {0, EIO, ENOSPC}) {
      for (std::uint64_t at = 0;; ++at) {
        MemoryFileSystem files;
        fill(files, "/log", few);
        if (!pack_until(files, at, failure, error)) break;
        ++cases;
        files.revive();
        files.inject({});
        expect_packed_holds(Store::open(files, "/log", small_segments()), few);
        EXPECT_EQ(judge(files, "/log").tree.size, few.size());
        for (const std::string& name : files.list("/log/segments")) {
          EXPECT_TRUE(parse_file_name(name).has_value()) << name;
        }
      }
    }
  }
  EXPECT_GT(cases, 50u);
}

TEST(PackCrash, LosingPowerAtAnyOperationLeavesTheOldSegmentOrTheNewOne) {
  const Records few = few_records();
  std::mt19937_64 random(7);
  for (std::uint64_t at = 0;; ++at) {
    MemoryFileSystem files;
    fill(files, "/log", few);
    if (!pack_until(files, at, test::Failure::torn, 0)) break;
    for (int schedule = 0; schedule < 20; ++schedule) {
      std::vector<test::Survival> survivals(files.waiting().size());
      for (auto& survival : survivals) survival = {random() % 2 == 0, random()};
      const auto after = files.power_loss(survivals);
      expect_packed_holds(Store::open(*after, "/log", small_segments()), few);
    }
  }
}

}  // namespace
}  // namespace stele::storage
