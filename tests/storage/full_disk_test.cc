// Goal: a full disk stops a store and space lets it go on; anything worse breaks it for good.
// Method: a file system in memory fails each operation of one append in each way; what the store
// says of itself, what the next append does, and what is there after a restart are compared.

#include <gtest/gtest.h>

#include <cerrno>
#include <system_error>

#include "storage/store.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/records.h"

namespace stele::storage {
namespace {

using test::Failure;
using test::MemoryFileSystem;

// A store whose next append makes a new segment first, if wanted.
struct FullDisk {
  explicit FullDisk(bool new_segment) {
    Store::create(files, "/log", test::test_log_id(), 0, test::genesis_record());
    options.segment_records = new_segment ? 1 : 100;
    store.emplace(Store::open(files, "/log", options));
    records.add_numbered(10);
    begin = files.operations();
  }
  MemoryFileSystem files;
  StoreOptions options;
  std::optional<Store> store;
  test::Records records;
  std::uint64_t begin = 0;  // operations before the append
};

std::uint64_t operations_of_an_append(bool new_segment) {
  FullDisk disk(new_segment);
  disk.store->append(disk.records.batch(1, 5));
  return disk.files.operations() - disk.begin;
}

TEST(FullDisk, IsSurvivedOnceSpaceReturns) {
  for (const bool new_segment : {false, true}) {
    for (const int error : {ENOSPC, EDQUOT}) {
      for (const Failure failure : {Failure::failed, Failure::happened, Failure::torn}) {
        for (std::uint64_t at = 0; at < operations_of_an_append(new_segment); ++at) {
          FullDisk disk(new_segment);
          disk.files.inject({.at = disk.begin + at, .failure = failure, .error = error});
          EXPECT_THROW(disk.store->append(disk.records.batch(1, 5)), std::system_error);
          const std::string& call = disk.files.calls()[disk.begin + at];
          const bool group_sync =
              call.starts_with("sync ") && at + 1 == operations_of_an_append(new_segment);
          EXPECT_EQ(disk.store->broken(), group_sync) << call;
          EXPECT_EQ(disk.store->head().size, 1u);
          if (disk.store->broken()) continue;
          EXPECT_EQ(disk.store->append(disk.records.batch(1, 10)).size, 10u) << call;
          const attest::TreeHead head = disk.store->head();
          disk.store.reset();
          EXPECT_EQ(Store::open(disk.files, "/log", disk.options).head(), head);
        }
      }
    }
  }
}

TEST(FullDisk, ThatCannotBeCutBackBreaksTheStore) {
  FullDisk disk(false);
  disk.files.inject({.at = disk.begin, .failure = Failure::torn, .error = ENOSPC, .sticky = true});
  EXPECT_THROW(disk.store->append(disk.records.batch(1, 5)), std::system_error);
  EXPECT_TRUE(disk.store->broken());
  disk.files.inject({});
  EXPECT_THROW(disk.store->append(disk.records.batch(1, 5)), std::system_error);
  EXPECT_EQ(Store::open(disk.files, "/log", disk.options).head().size, 1u);
}

TEST(FullDisk, AnyOtherFailureBreaksTheStore) {
  for (const bool new_segment : {false, true}) {
    for (std::uint64_t at = 0; at < operations_of_an_append(new_segment); ++at) {
      FullDisk disk(new_segment);
      disk.files.inject({.at = disk.begin + at, .error = EIO});
      EXPECT_THROW(disk.store->append(disk.records.batch(1, 5)), std::system_error);
      EXPECT_TRUE(disk.store->broken());
      disk.files.inject({});
      const std::uint64_t before = disk.files.operations();
      EXPECT_THROW(disk.store->append(disk.records.batch(1, 5)), std::system_error);
      EXPECT_EQ(disk.files.operations(), before) << "a broken store touched the disk";
      EXPECT_EQ(disk.store->read(0).index, 0u);
    }
  }
}

TEST(FullDisk, DerivedFilesMayFailUnnoticed) {
  FullDisk disk(false);
  disk.options.segment_records = 1000;
  disk.store.reset();
  disk.store.emplace(Store::open(disk.files, "/log", disk.options));
  disk.records.add_numbered(600);
  disk.store->append(disk.records.batch(1, 250));
  const std::uint64_t group = disk.files.operations() + 2;  // behind the group's write and sync
  disk.files.inject({.at = group, .error = EIO, .sticky = true});
  EXPECT_EQ(disk.store->append(disk.records.batch(250, 530)).size, 530u);
  disk.files.inject({});
  EXPECT_EQ(attest::root_of(530, *disk.store), disk.store->head().root);
  disk.store->append(disk.records.batch(530, 600));
  EXPECT_EQ(disk.files.open("/log/tree/08", FileSystem::Open::read_only)->size(), 64u);
}

}  // namespace
}  // namespace stele::storage
