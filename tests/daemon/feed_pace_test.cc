// Goal: the look-up waits while a burst comes in, and only then; never further behind than its
// limit. Method: times and sizes are made up; nothing waits.
#include "daemon/feed_pace.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stele::daemon {
namespace {

FeedPace::Time at_ms(int ms) {
  return FeedPace::Time{} + std::chrono::milliseconds(1'000'000 + ms);
}

TEST(FeedPace, ALogThatIsThereAlreadyIsFedAtOnce) {
  FeedPace pace;
  EXPECT_FALSE(pace.waits(10'000'000, 0, at_ms(0)));
  EXPECT_FALSE(pace.waits(10'000'000, 8'192, at_ms(1))) << "nothing comes in";
}

TEST(FeedPace, WaitsWhileABurstComesInAndFeedsBehindIt) {
  FeedPace pace;
  EXPECT_FALSE(pace.waits(0, 0, at_ms(0)));
  EXPECT_TRUE(pace.waits(5'000, 0, at_ms(10)));
  EXPECT_TRUE(pace.waits(15'000, 0, at_ms(20)));
  EXPECT_TRUE(pace.waits(15'000, 0, at_ms(30))) << "between two groups";
  EXPECT_TRUE(pace.waits(40'000, 0, at_ms(70)));
  EXPECT_TRUE(pace.waits(40'500, 0, at_ms(169)));
  EXPECT_FALSE(pace.waits(40'500, 0, at_ms(170)))
      << "fewer than a group in all the time: it is over";
  EXPECT_FALSE(pace.waits(40'500, 8'192, at_ms(171)));
}

TEST(FeedPace, EventsThatTrickleInAreFedAsTheyCome) {
  FeedPace pace;
  EXPECT_FALSE(pace.waits(0, 0, at_ms(0)));
  std::uint64_t size = 0;
  for (int ms = 10; ms < 5'000; ms += 10) {
    size += 900;  // 90,000 a second
    ASSERT_FALSE(pace.waits(size, size - 900, at_ms(ms)));
  }
  EXPECT_FALSE(pace.waits(size + 5'000, size, at_ms(5'100)))
      << "5,000 in 100 ms are 50,000 a second";
}

TEST(FeedPace, AGroupRightBehindAnotherIsNoBurst) {
  FeedPace pace;
  EXPECT_FALSE(pace.waits(10, 0, at_ms(0)));
  EXPECT_FALSE(pace.waits(10 + FeedPace::kFewestOfBurst - 1, 10, at_ms(0)));
  EXPECT_TRUE(pace.waits(10 + 2 * FeedPace::kFewestOfBurst, 10, at_ms(0)));
}

TEST(FeedPace, UnderALoadThatNeverEndsItFeedsAtItsLimit) {
  FeedPace pace;
  std::uint64_t size = 0, fed = 0, slices = 0;
  for (int ms = 0; ms < 20'000; ms += 10) {
    size += 8'000;
    if (pace.waits(size, fed, at_ms(ms))) continue;
    fed = std::min(size, fed + 8'192);
    ++slices;
    ASSERT_LE(size - fed, FeedPace::kMostBehind);
  }
  EXPECT_GT(slices, 1'000u);
  EXPECT_GT(size - fed, FeedPace::kMostBehind - 20'000) << "no more than it must";
}

TEST(FeedPace, ALookUpThatKnowsMoreThanTheLogIsFed) {
  FeedPace pace;
  EXPECT_FALSE(pace.waits(0, 0, at_ms(0)));
  EXPECT_FALSE(pace.waits(5'000, 6'000, at_ms(10))) << "an older copy came back: it begins anew";
}

}  // namespace
}  // namespace stele::daemon
