// Goal: what a person reads is the value, and nothing but text. Method: one value of each kind.
#include "tools/stele/value_words.h"

#include <gtest/gtest.h>

#include <limits>

namespace stele::test {
namespace {

using tools::words;

TEST(ValueWords, SayEachKindOfValue) {
  EXPECT_EQ(words(nullptr), "none");
  EXPECT_EQ(words(true), "yes");
  EXPECT_EQ(words(false), "no");
  EXPECT_EQ(words(4711), "4711");
  EXPECT_EQ(words(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

TEST(ValueWords, GiveNumbersToATenthWithoutExponent) {
  EXPECT_EQ(words(1440.0), "1440");
  EXPECT_EQ(words(0.0), "0");
  EXPECT_EQ(words(41.26), "41.3");
  EXPECT_EQ(words(1e21), "1000000000000000000000");
  EXPECT_EQ(words(std::numeric_limits<double>::max()).size(), 309u);
}

TEST(ValueWords, LetNoControlCharacterReachATerminal) {
  EXPECT_EQ(words("a\x1b]0;title\a").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace stele::test
