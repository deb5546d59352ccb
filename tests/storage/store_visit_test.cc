// Goal: a store reads no more than it is asked for and keeps few files open, and what it gives is the
// same. Method: every part of a group; more segments than stay open, read again and again, packed in
// between by the same store and by another.
#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "storage/segment_directory.h"
#include "storage/store.h"
#include "tests/support/check_log.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"

namespace stele::storage {
namespace {

Store new_store(const std::string& directory, const StoreOptions& options) {
  Store::create(posix(), directory, test::test_log_id(), 0, test::genesis_record());
  return Store::open(posix(), directory, options);
}

// A block is read in part where few of its records are wanted.
TEST(StoreVisit, EveryPartOfAGroupIsReadAsItIs) {
  const test::Scratch scratch;
  Store store = new_store(scratch / "log", {.block_bytes = 300});
  attest::Bytes tlvs;
  attest::append_tlv(tlvs, attest::TlvType::sender_position, attest::view("offset 12"));
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 30; ++i) {
    texts.emplace_back(i % 4 == 0 ? 0 : i * 5, static_cast<char>('a' + i % 26));
  }
  std::vector<NewRecord> group(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    group[i].salt.bytes[0] = static_cast<std::uint8_t>(i);
    group[i].bytes = attest::view(texts[i]);
    if (i % 3 == 0) group[i].tlvs = tlvs;
  }
  store.append(group);
  for (std::uint64_t begin = 1; begin <= texts.size(); ++begin) {
    for (std::uint64_t end = begin; end <= texts.size() + 1; ++end) {
      std::uint64_t next = begin;
      store.visit(begin, end, [&](const StoredRecord& record) {
        EXPECT_EQ(record.index, next);
        EXPECT_EQ(std::string(record.bytes.begin(), record.bytes.end()), texts[next - 1]);
        EXPECT_EQ(record.tlvs, (next - 1) % 3 == 0 ? tlvs : attest::Bytes());
        EXPECT_EQ(attest::commit({record.salt, record.tlvs, record.bytes}), record.leaf.commitment);
        ++next;
        return true;
      });
      EXPECT_EQ(next, end);
    }
  }
}

// A log of as many segments as records.
class ManySegments : public ::testing::Test {
 protected:
  ManySegments() {
    while (records_.size() < 20 * SegmentDirectory::kLoaded) {
      records_.add_numbered(1);
      if (records_.size() > 1) {
        store_.append(records_.batch(records_.size() - 1, records_.size()));
      }
    }
  }
  void pack() {
    for (std::uint64_t i = 0; i < store_.sealed_segments(); ++i) store_.pack(i);
  }
  void expect_all_in(const Store& store) const {
    std::uint64_t next = 0;
    store.visit(0, store.head().size, [&](const StoredRecord& record) {
      EXPECT_EQ(record.index, next);
      EXPECT_EQ(std::string(record.bytes.begin(), record.bytes.end()), records_.content(next));
      ++next;
      return true;
    });
    EXPECT_EQ(next, records_.size());
  }

  test::Scratch scratch_;
  test::Records records_;
  Store store_ = new_store(scratch_ / "log", {.segment_records = 1});
};

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_F(ManySegments, FewStayOpen) {
  const std::size_t before = open_descriptors();
  for (const bool packed : {false, false, true, true}) {
    if (packed) pack();
    expect_all_in(store_);
    EXPECT_EQ(open_descriptors(), before + SegmentDirectory::kLoaded);
  }
}

// It is not told: as in the moment between the new file's name and the word to forget the old one.
TEST_F(ManySegments, AReaderThatKnowsWhereAllLiesFindsItInWhatIsPackedBesideIt) {
  const Store reader = Store::open_for_reading(posix(), scratch_ / "log");
  expect_all_in(reader);
  pack();
  expect_all_in(reader);
  expect_all_in(reader);
}

}  // namespace
}  // namespace stele::storage
