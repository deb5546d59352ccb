// Goal: a place that is away is asked less and less often, at last once an hour; one that is back, at
// once. Method: failures counted against the times between them.
#include "daemon/outward/pace.h"

#include <gtest/gtest.h>

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

TEST(Pace, DoublesFromASecondToAnHour) {
  Pace pace;
  EXPECT_FALSE(pace.failing());
  for (std::chrono::milliseconds expected = 1s; expected < 1h; expected *= 2) {
    EXPECT_EQ(pace.failed(), expected);
    EXPECT_TRUE(pace.failing());
  }
  EXPECT_EQ(pace.failed(), 1h);
  EXPECT_EQ(pace.failed(), 1h);
}

TEST(Pace, BeginsAnewAfterASuccess) {
  Pace pace;
  for (int i = 0; i < 5; ++i) pace.failed();
  pace.succeeded();
  EXPECT_FALSE(pace.failing());
  EXPECT_EQ(pace.failed(), 1s);
}

}  // namespace
}  // namespace stele::daemon
