// Goal: what Store promises to its callers holds on the real file system.
// Method: append records of many sizes, in groups and segments of many sizes, and compare what is
// read back, and every hash, with the formulas of the format applied to the same records.

#include "storage/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "storage/segment_format.h"
#include "tests/support/check_log.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

using attest::Hash;
using attest::NodeId;
using test::Records;
using test::reference_root;
using test::Scratch;

std::vector<Hash> leaf_hashes(const Records& records) {
  std::vector<Hash> hashes;
  for (std::uint64_t i = 0; i < records.size(); ++i) {
    hashes.push_back(attest::leaf_hash(attest::encode(records.leaf(i))));
  }
  return hashes;
}

void expect_holds(const Store& store, const Records& records) {
  const std::vector<Hash> leaves = leaf_hashes(records);
  ASSERT_EQ(store.head().size, records.size());
  EXPECT_EQ(store.head().root, reference_root(leaves, 0, leaves.size()));
  std::uint64_t next = 0;
  store.visit(0, ~std::uint64_t{0}, [&](const StoredRecord& record) {
    EXPECT_EQ(record.index, next);
    EXPECT_EQ(record.leaf, records.leaf(next));
    const attest::Bytes leaf = store.read_leaves(next, next + 1);
    EXPECT_TRUE(std::equal(leaf.begin(), leaf.end(), record.encoded_leaf.begin(),
                           record.encoded_leaf.end()));
    EXPECT_EQ(std::string(record.bytes.begin(), record.bytes.end()), records.content(next));
    ++next;
    return true;
  });
  EXPECT_EQ(next, records.size());
  EXPECT_EQ(store.read_leaves(0, next).size(), next * attest::kLeafBytes);
  EXPECT_THROW(store.read_leaves(0, next + 1), std::out_of_range);
  EXPECT_THROW(store.read_leaves(1, 0), std::out_of_range);
}

class StoreTest : public ::testing::Test {
 protected:
  std::string directory() const { return scratch_ / "log"; }
  void create() const {
    Store::create(posix(), directory(), test::test_log_id(), 0, test::genesis_record());
  }
  Store open(StoreOptions options = {}) const { return Store::open(posix(), directory(), options); }

  Scratch scratch_;
};

TEST_F(StoreTest, ReadsBackWhatWasAppended) {
  create();
  Store store = open();
  Records records;
  records.add_numbered(1);
  for (std::size_t size : {0u, 1u, 39u, 40u, 4096u, 200'000u, 1u << 20}) {
    std::string content(size, 'x');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 % 256);
    records.add(content);
    records.add("between");
  }
  const attest::TreeHead head = store.append(records.batch(1, records.size()));
  EXPECT_EQ(head, store.head());
  expect_holds(store, records);
  EXPECT_EQ(store.log_id(), test::test_log_id());
  for (std::uint64_t i = 0; i < records.size(); ++i) {
    const StoredRecord record = store.read(i);
    EXPECT_EQ(std::string(record.bytes.begin(), record.bytes.end()), records.content(i));
    EXPECT_EQ(record.salt, test::salt_of(i));
  }
  EXPECT_THROW(static_cast<void>(store.read(records.size())), std::out_of_range);
}

TEST_F(StoreTest, KeepsTlvs) {
  create();
  Store store = open();
  attest::Bytes tlvs;
  attest::append_tlv(tlvs, attest::TlvType::sender_position, attest::view("offset 12"));
  NewRecord record;
  record.tlvs = tlvs;
  record.bytes = attest::view("text");
  store.append(std::span(&record, 1));
  EXPECT_EQ(store.read(1).tlvs, tlvs);
}

TEST_F(StoreTest, CommitmentsOfTheCallerStandBesideItsOwn) {
  create();
  Store store = open({.block_bytes = 200});
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 40; ++i) texts.push_back(std::string(i, 'x'));
  std::vector<Hash> made(texts.size());
  std::vector<NewRecord> records(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    records[i].salt.bytes[0] = static_cast<std::uint8_t>(i);
    records[i].bytes = attest::view(texts[i]);
    made[i] = attest::commit({records[i].salt, {}, records[i].bytes});
    if (i % 3 != 0) records[i].commitment = &made[i];
  }
  store.append(records);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(store.read(1 + i).leaf.commitment, made[i]) << i;
  }
}

TEST_F(StoreTest, GoesOnAfterReopeningAtEverySize) {
  create();
  Records records;
  records.add_numbered(1);
  StoreOptions options;
  options.segment_records = 7;
  for (std::size_t count = 1; count <= 40; ++count) {
    Store store = open(options);
    const std::uint64_t before = records.size();
    records.add_numbered(count % 5 + 1);
    store.append(records.batch(before, records.size()));
    expect_holds(store, records);
  }
  expect_holds(open(options), records);
  EXPECT_GT(posix().list(directory() + "/segments").size(), 10u);
}

TEST_F(StoreTest, AnswersForEveryNodeOfTheTree) {
  create();
  Records records;
  records.add_numbered(1);
  StoreOptions options;
  options.segment_records = 300;
  {
    Store store = open(options);
    while (records.size() < 1400) {
      const std::uint64_t before = records.size();
      records.add_numbered(before % 90 + 1);
      store.append(records.batch(before, records.size()));
    }
  }
  const std::vector<Hash> leaves = leaf_hashes(records);
  const auto check = [&](const Store& store) {
    for (std::uint8_t level = 0; level < 12; ++level) {
      for (std::uint64_t i = 0; (i + 1) << level <= leaves.size(); ++i) {
        const NodeId node{level, i};
        EXPECT_EQ(store.read_hashes(std::span(&node, 1)).front(),
                  reference_root(leaves, i << level, (i + 1) << level));
      }
      const NodeId beyond{level, leaves.size() >> level};
      EXPECT_THROW(static_cast<void>(store.read_hashes(std::span(&beyond, 1))), std::out_of_range);
    }
  };
  check(open(options));
  const std::string level_8 = directory() + "/tree/08";
  ASSERT_EQ(posix().open(level_8, FileSystem::Open::read_only)->size(), (leaves.size() >> 8) * 32);

  // Derived: wrong, short or missing files are made anew by a writer and done without by a reader.
  const auto damage = [&](int way) {
    if (way == 2) return posix().remove(level_8);
    const auto file = posix().open(level_8, FileSystem::Open::read_write);
    const std::uint8_t wrong = 0x55;
    if (way == 0) file->write(40, std::array{ByteView(&wrong, 1)});
    if (way == 1) file->truncate(33);
  };
  for (int way = 0; way < 3; ++way) {
    damage(way);
    check(Store::open_for_reading(posix(), directory()));
    check(open(options));
    check(Store::open_for_reading(posix(), directory()));
    EXPECT_EQ(posix().open(level_8, FileSystem::Open::read_only)->size(),
              (leaves.size() >> 8) * 32);
  }
}

TEST_F(StoreTest, RefusesToCreateOverAStore) {
  create();
  EXPECT_THROW(create(), std::system_error);
  EXPECT_EQ(open().head().size, 1u);
}

TEST_F(StoreTest, RefusesADirectoryWithoutAStore) {
  try {
    open();
    FAIL() << "opened";
  } catch (const Damage& damage) {
    EXPECT_EQ(damage.defect().fault, attest::Fault::segment_missing);
  }
}

TEST_F(StoreTest, ReadersBesideTheWriterSeeWholeGroups) {
  create();
  StoreOptions options;
  options.segment_records = 50;
  Store store = open(options);
  Records records;
  records.add_numbered(2001);
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, i] {
      while (!done) {
        // One reads through the writer's own store, one as another process would.
        std::optional<Store> own;
        if (i == 1) own.emplace(Store::open_for_reading(posix(), directory()));
        const Store& seen = own ? *own : store;
        const attest::TreeHead head = seen.head();
        EXPECT_EQ(head.size % 10, 1u);
        EXPECT_EQ(attest::root_of(head.size, seen), head.root);
        const StoredRecord last = seen.read(head.size - 1);
        EXPECT_EQ(last.leaf, records.leaf(head.size - 1));
      }
    });
  }
  for (std::uint64_t begin = 1; begin < records.size(); begin += 10)
    store.append(records.batch(begin, begin + 10));
  done = true;
  for (std::thread& reader : readers) reader.join();
  expect_holds(store, records);
}

TEST_F(StoreTest, OpeningForReadingChangesNothing) {
  create();
  Records records;
  records.add_numbered(20);
  open().append(records.batch(1, 20));
  const std::string segment = directory() + "/segments/0000000000000000";
  const std::uint64_t whole = posix().open(segment, FileSystem::Open::read_only)->size();
  posix().open(segment, FileSystem::Open::read_write)->truncate(whole - 1);
  EXPECT_EQ(Store::open_for_reading(posix(), directory()).head().size, 1u);
  EXPECT_EQ(posix().open(segment, FileSystem::Open::read_only)->size(), whole - 1);
  EXPECT_GT(open().recovered_torn_bytes(), 0u);
}

TEST_F(StoreTest, AnEndLongerThanAnyGroupIsNamedNotCut) {
  create();
  const auto file = posix().open(directory() + "/segments/0000000000000000", FileSystem::Open::read_write);
  const std::uint64_t whole = file->size();
  file->truncate(whole + kMaxGroupBytes + 1);
  EXPECT_THROW(open(), Damage);
  EXPECT_EQ(file->size(), whole + kMaxGroupBytes + 1);
  file->truncate(whole + kMaxGroupBytes);
  EXPECT_EQ(open().recovered_torn_bytes(), kMaxGroupBytes);
  EXPECT_EQ(file->size(), whole);
}

TEST_F(StoreTest, DamageBeforeTheLastGroupIsNamedNotCut) {
  create();
  Records records;
  records.add_numbered(31);
  std::uint64_t second_group = 0;
  const std::string segment = directory() + "/segments/0000000000000000";
  {
    Store store = open();
    store.append(records.batch(1, 11));
    second_group = posix().open(segment, FileSystem::Open::read_only)->size();
    store.append(records.batch(11, 21));
    store.append(records.batch(21, 31));
  }
  const auto file = posix().open(segment, FileSystem::Open::read_write);
  std::uint8_t byte = 0;
  const std::uint64_t at = second_group + kGroupHeaderBytes + 20;
  file->read(at, std::span(&byte, 1));
  byte ^= 1;
  file->write(at, std::array{ByteView(&byte, 1)});
  const std::uint64_t size = file->size();
  try {
    open();
    FAIL() << "opened";
  } catch (const Damage& damage) {
    EXPECT_EQ(damage.defect().fault, attest::Fault::group_damaged);
    EXPECT_EQ(damage.defect().at.value, 11u);
    EXPECT_NE(std::string(damage.what()).find(segment), std::string::npos);
  }
  EXPECT_EQ(file->size(), size);
}

TEST_F(StoreTest, NeverCutsBelowAnAnchor) {
  create();
  Records records;
  records.add_numbered(11);
  open().append(records.batch(1, 11));
  const std::string segment = directory() + "/segments/0000000000000000";
  const auto file = posix().open(segment, FileSystem::Open::read_write);
  file->truncate(file->size() - 1);
  const std::uint64_t size = file->size();
  StoreOptions options;
  options.anchored_size = 11;
  EXPECT_THROW(open(options), Damage);
  EXPECT_EQ(file->size(), size);
  options.anchored_size = 1;
  EXPECT_EQ(open(options).head().size, 1u);
}

TEST_F(StoreTest, DamagedSealsAreFound) {
  create();
  Records records;
  records.add_numbered(31);
  StoreOptions options;
  options.segment_records = 10;
  {
    Store store = open(options);
    for (std::uint64_t i = 1; i < 31; i += 10) store.append(records.batch(i, i + 10));
  }
  const std::string sealed = directory() + "/segments/0000000000000001";
  const auto file = posix().open(sealed, FileSystem::Open::read_write);
  file->truncate(file->size() - 1);
  EXPECT_THROW(open(options), Damage);
  posix().remove(sealed);
  EXPECT_THROW(open(options), Damage);
}

const Hash kNextLog = attest::hash(attest::view("the next era's genesis"));

NewRecord era_record(const Records& records, std::uint64_t index) {
  return records.batch(index, index + 1)[0];
}

TEST_F(StoreTest, AnEraGoesOnWithIndicesTreeAndRecordsInASegmentOfItsOwn) {
  create();
  Records records;
  records.add_numbered(300);
  open().append(records.batch(1, 300));
  records.add("the next era's genesis", attest::Kind::era);
  Store::begin_era(posix(), directory(), {}, kNextLog, 1, era_record(records, 300));
  {
    Store store = open();
    EXPECT_EQ(store.log_id(), kNextLog);
    EXPECT_EQ(store.era(), 1u);
    expect_holds(store, records);
    records.add_numbered(20);
    store.append(records.batch(301, records.size()));
  }
  const Store again = Store::open_for_reading(posix(), directory());
  expect_holds(again, records);
  EXPECT_EQ(again.era(), 1u);
  EXPECT_TRUE(posix().exists(directory() + "/segments/0000000000000001"));
}

TEST_F(StoreTest, AnEraIsBegunOrNotWhereverItFails) {
  for (const test::Failure failure :
       {test::Failure::failed, test::Failure::happened, test::Failure::torn}) {
    bool struck = true;
    for (std::uint64_t at = 0; struck; ++at) {
      test::MemoryFileSystem files;
      Store::create(files, "/log", test::test_log_id(), 0, test::genesis_record());
      Records records;
      records.add_numbered(9);
      Store::open(files, "/log", {}).append(records.batch(1, 9));
      records.add("the next era's genesis", attest::Kind::era);
      const auto begin = [&] {
        Store::begin_era(files, "/log", {}, kNextLog, 1, era_record(records, 9));
      };
      files.inject({.at = files.operations() + at, .failure = failure});
      try {
        begin();
      } catch (const test::PowerCut&) {
      }
      struck = files.injected();
      files.revive();
      for (const auto& survivor : {files.power_loss({}), files.power_loss({{}, {}, {}, {}})}) {
        const Store store = Store::open(*survivor, "/log", {});
        EXPECT_EQ(store.head().size, store.era() == 1 ? 10u : 9u) << at;
      }
      if (Store::open(files, "/log", {}).era() == 0) begin();
      expect_holds(Store::open(files, "/log", {}), records);
    }
  }
}

TEST_F(StoreTest, AnEmptyNewestSegmentIsClosedByARecord) {
  test::MemoryFileSystem files;
  Store::create(files, "/log", test::test_log_id(), 0, test::genesis_record());
  Records records;
  records.add_numbered(4);
  StoreOptions options;
  options.segment_records = 3;
  {
    Store store = Store::open(files, "/log", options);
    store.append(records.batch(1, 3));
    store.close_segment(records.batch(3, 4)[0]);
    EXPECT_EQ(store.head().size, 3u) << "the newest segment holds records";
    // The next segment appears, its first group does not.
    files.inject({.at = files.operations() + 6});
    EXPECT_THROW(store.append(records.batch(3, 4)), test::PowerCut);
    files.revive();
  }
  ASSERT_TRUE(files.exists("/log/segments/0000000000000001"));
  Store store = Store::open(files, "/log", options);
  ASSERT_EQ(store.head().size, 3u);
  store.close_segment(records.batch(3, 4)[0]);
  expect_holds(store, records);
}

}  // namespace
}  // namespace stele::storage
