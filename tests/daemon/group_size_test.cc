// Goal: a group is as small as the disk allows, between the two limits, and settles.
// Method: a disk and a processor on paper; nothing waits.
#include "daemon/group_size.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stele::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Groups as large as is allowed, each record a microsecond, and a sync.
void seal(GroupSize& size, int groups, microseconds sync, std::uint64_t bytes_each = 300) {
  for (int i = 0; i < groups; ++i) {
    const std::uint64_t records = std::min(size.records(), size.bytes() / bytes_each);
    size.took(records, records * bytes_each, microseconds(records) + sync);
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

TEST(GroupSize, SettlesForEverySync) {
  for (int sync = 0; sync < 100; ++sync) {
    GroupSize size;
    seal(size, 10, milliseconds(sync));
    const std::uint64_t settled = size.records();
    for (int i = 0; i < 10; ++i) {
      seal(size, 1, milliseconds(sync));
      EXPECT_EQ(size.records(), settled) << sync;
    }
  }
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
