// Goal: a gap's content has one form: what is written is read back, anything else is refused.
// Method: round trips, and texts that differ from the form in one place each.
#include "attest/gap.h"

#include <gtest/gtest.h>

#include <limits>

namespace stele::attest {
namespace {

TEST(Gap, WhatIsWrittenIsReadBack) {
  for (const std::uint64_t lost : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    const auto gap = decode_gap(view(encode(Gap{lost, "too_long"})));
    ASSERT_TRUE(gap.has_value());
    EXPECT_EQ(gap->lost, lost);
    EXPECT_EQ(gap->reason, "too_long");
  }
}

TEST(Gap, ItsSpanIsReadBack) {
  constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max();
  for (const GapSpan span : {GapSpan{0, 0}, GapSpan{1, 2}, GapSpan{7, kLatest}}) {
    const std::string text = encode(Gap{3, "queue_overflow", span});
    const auto gap = decode_gap(view(text));
    ASSERT_TRUE(gap.has_value()) << text;
    ASSERT_TRUE(gap->span.has_value());
    EXPECT_EQ(gap->span->since_ns, span.since_ns);
    EXPECT_EQ(gap->span->until_ns, span.until_ns);
    for (std::size_t length = 0; length < text.size(); ++length) {
      EXPECT_FALSE(decode_gap(view(text.substr(0, length))).has_value()) << length;
    }
  }
  EXPECT_FALSE(decode_gap(view(encode(Gap{3, "x"})))->span.has_value());
}

TEST(Gap, AnyOtherFormIsRefused) {
  const std::string good = encode(Gap{12, "too_long"});
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(decode_gap(view(good.substr(0, length))).has_value()) << length;
  }
  for (const char* text :
       {R"({"lost":012,"reason":"x"})", R"({"lost":-1,"reason":"x"})", R"({"lost":1,"reason":""})",
        R"({"lost":1,"reason":"X"})", R"({"lost":1,"reason":"a"b"})", R"({"lost":,"reason":"x"})",
        R"({"lost":18446744073709551616,"reason":"x"})", R"({"lost": 1,"reason":"x"})",
        R"({"lost":1,"reason":"x","since_ns":1})", R"({"lost":1,"reason":"x","until_ns":1})",
        R"({"lost":1,"reason":"x","since_ns":2,"until_ns":1})",
        R"({"lost":1,"reason":"x","since_ns":-2,"until_ns":1})",
        R"({"lost":1,"reason":"x","since_ns":01,"until_ns":1})",
        R"({"lost":1,"reason":"x","since_ns":1,"until_ns":9223372036854775808})",
        R"({"lost":1,"reason":"x","until_ns":1,"since_ns":1})",
        R"({"lost":1,"reason":"x","since_ns":1,"until_ns":1,"x":1})",
        R"({"lost":1,"reason":"})", "{\"lost\":1,\"reason\":\"x\"}\n"}) {
    EXPECT_FALSE(decode_gap(view(text)).has_value()) << text;
  }
}

}  // namespace
}  // namespace stele::attest
