// Goal: a group is as small as the disk allows, between the two limits, and settles.
// Method: a disk and a processor on paper; nothing waits.
#include "daemon/group_size.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stele::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Groups as large as is allowed on a processor that takes so long for a record, and a sync for
// each.
void seal(GroupSize& size, int groups, nanoseconds sync, std::uint64_t bytes_each = 300,
          nanoseconds record = microseconds(1)) {
  for (int i = 0; i < groups; ++i) {
    const std::uint64_t records = std::min(size.records(), size.bytes() / bytes_each);
    size.took(records, records * bytes_each, static_cast<std::int64_t>(records) * record + sync);
  }
}

TEST(GroupSize, IsLeastWhileTheDiskIsQuick) {
  GroupSize size;
  seal(size, 10, milliseconds(2));
  EXPECT_EQ(size.records(), 4096u);
  EXPECT_EQ(size.bytes(), 2u << 20);
}

TEST(GroupSize, GrowsWithASlowDiskUpToItsMostAndComesBack) {
  GroupSize size;
  seal(size, 10, milliseconds(10));
  EXPECT_EQ(size.records(), 8192u);
  seal(size, 10, milliseconds(500));
  EXPECT_EQ(size.records(), 16384u);
  EXPECT_EQ(size.bytes(), 8u << 20);
  seal(size, 10, milliseconds(1));
  EXPECT_EQ(size.records(), 4096u);
}

TEST(GroupSize, SettlesForEverySyncButForTrials) {
  for (int sync = 0; sync < 100; ++sync) {
    GroupSize size;
    seal(size, 10, milliseconds(sync));
    const std::uint64_t settled = size.records();
    int others = 0;
    for (int i = 0; i < 4 * GroupSize::kTrial; ++i) {
      seal(size, 1, milliseconds(sync));
      others += size.records() != settled;
    }
    EXPECT_LE(others, 8) << sync;
  }
}

TEST(GroupSize, OneSlowSyncIsForgottenAlsoBySlowProcessors) {
  for (const int record_ns : {1'000, 1'500, 2'000, 2'400}) {
    GroupSize size;
    seal(size, 10, milliseconds(1), 300, nanoseconds(record_ns));
    EXPECT_EQ(size.records(), 4096u) << record_ns;
    seal(size, 2, milliseconds(500), 300, nanoseconds(record_ns));
    EXPECT_EQ(size.records(), 16384u) << record_ns;
    seal(size, 2 * GroupSize::kTrial, milliseconds(1), 300, nanoseconds(record_ns));
    EXPECT_EQ(size.records(), 4096u) << record_ns;
  }
}

TEST(GroupSize, ABatchOfManyPartsIsMeasuredByItsParts) {
  GroupSize size;
  for (int i = 0; i < 10; ++i) size.took(16'384, 16'384 * 300, milliseconds(18));
  EXPECT_EQ(size.records(), 4096u);
  for (int i = 0; i < 10; ++i) size.took(64, 64u << 20, milliseconds(120));
  EXPECT_EQ(size.records(), 4096u);
}

TEST(GroupSize, LargeEventsFillAGroupByTheirBytes) {
  GroupSize size;
  seal(size, 3, milliseconds(100), 1u << 20);
  EXPECT_EQ(size.bytes(), 8u << 20);
}

TEST(GroupSize, AGroupThatIsNotFilledTellsNothing) {
  GroupSize size;
  for (int i = 0; i < 10; ++i) size.took(1, 300, milliseconds(500));
  EXPECT_EQ(size.records(), 4096u) << "few events on a slow disk: a larger group gains nothing";
  seal(size, 10, milliseconds(500));
  for (int i = 0; i < 10; ++i) size.took(1, 300, microseconds(10));
  EXPECT_EQ(size.records(), 16384u) << "few events on a quick one: no reason to part the next burst";
}

}  // namespace
}  // namespace stele::daemon
