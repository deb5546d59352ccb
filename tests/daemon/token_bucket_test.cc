// Goal: no more than burst + elapsed / refill tokens are ever given, and a debt delays what
// follows.
// Method: times are made up; nothing waits.
#include "daemon/token_bucket.h"

#include <gtest/gtest.h>

namespace stele::daemon {
namespace {

using std::chrono::milliseconds;

TokenBucket::Time at(int ms) { return TokenBucket::Time{} + milliseconds(1'000'000 + ms); }

TEST(TokenBucket, GivesABurstAtOnceAndThenOneEachRefill) {
  TokenBucket bucket(3, milliseconds(100));
  EXPECT_TRUE(bucket.take(at(0)));
  EXPECT_TRUE(bucket.take(at(0)));
  EXPECT_TRUE(bucket.take(at(0)));
  EXPECT_FALSE(bucket.take(at(0)));
  EXPECT_FALSE(bucket.take(at(99)));
  EXPECT_TRUE(bucket.take(at(100)));
  EXPECT_FALSE(bucket.take(at(100)));
}

TEST(TokenBucket, SaysWhenTheNextTokenIsThere) {
  TokenBucket bucket(1, milliseconds(100));
  EXPECT_EQ(bucket.next(at(0)), at(0));
  ASSERT_TRUE(bucket.take(at(0)));
  EXPECT_EQ(bucket.next(at(30)), at(100));
  EXPECT_EQ(bucket.next(at(100)), at(100));
}

TEST(TokenBucket, NeverHoldsMoreThanItsBurst) {
  TokenBucket bucket(2, milliseconds(100));
  int given = 0;
  for (int i = 0; i < 10; ++i) given += bucket.take(at(1'000'000)) ? 1 : 0;
  EXPECT_EQ(given, 2);
}

TEST(TokenBucket, ADebtIsPaidBeforeTheNextToken) {
  TokenBucket bucket(1, milliseconds(100));
  bucket.draw(at(0));
  bucket.draw(at(0));
  bucket.draw(at(0));
  EXPECT_FALSE(bucket.take(at(299)));
  EXPECT_TRUE(bucket.take(at(300)));
}

TEST(TokenBucket, KeepsItsRateOverAnyPatternOfAsking) {
  for (int step = 1; step <= 250; ++step) {
    TokenBucket bucket(4, milliseconds(100));
    int given = 0;
    for (int ms = 0; ms <= 10'000; ms += step) given += bucket.take(at(ms)) ? 1 : 0;
    EXPECT_LE(given, 4 + 10'000 / 100) << "asked every " << step << " ms";
  }
}

}  // namespace
}  // namespace stele::daemon
