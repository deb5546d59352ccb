// Goal: the packer packs every sealed segment behind the log, what an earlier life left too, and
// ends at once. Method: a store on the real file system, appended to while the packer runs.
#include "daemon/packer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "attest/appraiser.h"
#include "storage/segment_file.h"
#include "storage/store_reader.h"
#include "tests/support/records.h"
#include "tests/support/scratch.h"

namespace stele::daemon {
namespace {

using test::Records;

class PackerTest : public testing::Test {
 protected:
  PackerTest() {
    storage::Store::create(storage::posix(), directory(), test::test_log_id(), 0,
                           test::genesis_record());
    records_.add_numbered(1);
  }
  std::string directory() const { return scratch_ / "log"; }
  static storage::StoreOptions options() {
    storage::StoreOptions small;
    small.segment_records = 50;
    return small;
  }
  void append(storage::Store& store, std::size_t count) {
    for (const std::uint64_t end = records_.size() + count; records_.size() < end;) {
      const std::uint64_t at = records_.size();
      records_.add_numbered(10);
      store.append(records_.batch(at, records_.size()));
    }
  }
  void expect_packed(const storage::Store& store) const {
    for (std::uint64_t number = 0; number < store.sealed_segments();) {
      if (storage::open_segment(storage::posix(), directory() + "/segments", number,
                                storage::FileSystem::Open::read_only)
              ->packed) {
        ++number;
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // ctest's limit ends it
      }
    }
  }

  Records records_;

 private:
  test::Scratch scratch_;
};

TEST_F(PackerTest, PacksWhatWasSealedBeforeAndWhatIsSealedWhileItRuns) {
  storage::Store store = storage::Store::open(storage::posix(), directory(), options());
  append(store, 300);
  ASSERT_GT(store.sealed_segments(), 3u);
  {
    Packer packer(store);
    expect_packed(store);
    append(store, 300);
    packer.look();
    expect_packed(store);
  }
  for (std::uint64_t i = 0; i < records_.size(); ++i) {
    EXPECT_EQ(store.read(i).leaf, records_.leaf(i));
  }
  attest::Appraiser appraiser{attest::Options{}};
  storage::present(storage::posix(), directory(), appraiser, 2, {});
  EXPECT_EQ(appraiser.report().tree, store.head());
}

// Two looks at each of a segment's groups, once to pack and once to compare: each waits its time.
TEST_F(PackerTest, StandsBackWhileOthersAreBusyAndStillGetsOn) {
  storage::Store store = storage::Store::open(storage::posix(), directory(), options());
  append(store, 70);
  ASSERT_EQ(store.sealed_segments(), 1u);
  std::atomic<int> asked{0};
  const auto begin = std::chrono::steady_clock::now();
  Packer packer(store, [&asked] {
    ++asked;
    return true;
  });
  expect_packed(store);
  const int groups = 5;  // of ten records each, in the segment of fifty; genesis is another
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 2 * groups * Packer::kLongestPause);
  EXPECT_GE(asked, 2 * groups * 2) << "who was busy may be so no longer: it looks again meanwhile";
}

TEST_F(PackerTest, WaitsForNobodyWhoIsNotBusyAndEndsWhileItStandsBack) {
  storage::Store store = storage::Store::open(storage::posix(), directory(), options());
  append(store, 70);
  std::atomic<bool> busy{true};
  std::atomic<int> asked{0};
  Packer packer(store, [&] {
    ++asked;
    return busy.load();
  });
  while (asked == 0) std::this_thread::yield();
  packer.stop();
  EXPECT_FALSE(storage::open_segment(storage::posix(), directory() + "/segments", 0,
                                     storage::FileSystem::Open::read_only)
                   ->packed);
  busy = false;
  asked = 0;
  Packer another(store, [&] {
    ++asked;
    return busy.load();
  });
  expect_packed(store);
  EXPECT_LE(asked, 2 * 6) << "once before each group";
}

TEST_F(PackerTest, EndsWithoutATraceOfWhatIsNotFinished) {
  storage::Store store = storage::Store::open(storage::posix(), directory(), options());
  append(store, 2000);
  for (int i = 0; i < 10; ++i) Packer(store).stop();
  for (const auto& file : std::filesystem::directory_iterator(directory() + "/segments")) {
    EXPECT_NE(file.path().extension(), ".new");
  }
  EXPECT_EQ(store.read(records_.size() - 1).leaf, records_.leaf(records_.size() - 1));
}

}  // namespace
}  // namespace stele::daemon
