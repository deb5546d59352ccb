// Goal: the text of what the log knows of the kernel's drops reads back as it was written, and no
// other text is taken. Method: values at every edge; each form that is nearly right, by hand; every
// truncation.
#include "daemon/ingest/drop_totals.h"

#include <gtest/gtest.h>

#include <limits>

namespace stele::daemon {
namespace {

const std::string kBootText = "870c2f1e-1d5b-4a3c-9a52-0d6c7a0b1e55";

TEST(DropTotals, AreWrittenByCookie) {
  const DropTotals totals{
      kBootText, {{0x138c, {0, 1795624433410000000}}, {0x138b, {812, 1795624433000000000}}}};
  const std::string text =
      kBootText + ":138b=812@1795624433000000000,138c=0@1795624433410000000";
  EXPECT_EQ(totals.encoded(), text);
  EXPECT_EQ(parse_drop_totals(text), totals);
}

TEST(DropTotals, EveryEdgeReadsBack) {
  DropTotals totals{kBootText, {}};
  for (const std::uint64_t cookie : {std::uint64_t{1}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    for (const std::uint32_t dropped : {0u, 1u, ~0u}) {
      for (const std::int64_t seen_ns :
           {std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
        totals.sockets[cookie] = {dropped, seen_ns};
        EXPECT_EQ(parse_drop_totals(totals.encoded()), totals) << totals.encoded();
      }
    }
  }
  EXPECT_EQ(totals.sockets.size(), 3u);
}

TEST(DropTotals, AreOfSoManySocketsAndNoMore) {
  DropTotals totals{kBootText, {}};
  for (std::uint64_t i = 0; i < kMaxDropTotals; ++i) {
    totals.sockets[~std::uint64_t{0} - i] = {~0u, std::numeric_limits<std::int64_t>::max()};
  }
  EXPECT_LE(totals.encoded().size(), 13u << 10);
  EXPECT_EQ(parse_drop_totals(totals.encoded()), totals);
  totals.sockets[1] = {};
  EXPECT_FALSE(parse_drop_totals(totals.encoded()));
}

TEST(DropTotals, WhatIsWrittenInAnyOtherFormIsRefused) {
  ASSERT_TRUE(parse_drop_totals(kBootText + ":1=0@0"));
  for (const char* sockets : {
           "", ":", ":,", ":1=0@0,", ":,1=0@0", ",1=0@0", "1=0@0", ":1=0@0;2=0@0", ":1=0@0:2=0@0",
           ":1=0", ":1@0", ":1=@0", ":=0@0", ":1=0@", ":1==0@0", ":1=0@@0", ":1=0@0 ", " :1=0@0",
           ":0=0@0",                                          // no socket has this cookie
           ":01=0@0", ":1=00@0", ":1=0@00",                   // leading zeros
           ":A=0@0", ":0x1=0@0", ":g=0@0",                    // not as the cookie is written
           ":+1=0@0", ":-1=0@0", ":1=-1@0", ":1=+1@0", ":1=0@-1", ":1=0@-0", ":1=-0@0",
           ":10000000000000000=0@0",                          // 2^64
           ":1=4294967296@0",                                 // 2^32
           ":1=0@9223372036854775808",                        // 2^63
           ":1=99999999999999999999999999@0",
           ":2=0@0,1=0@0",                                    // not ascending
           ":1=0@0,1=0@0", ":1=0@0,1=1@0",                    // twice
           ":1=0@0\n", ":1=0@0,2=0@0,",
       }) {
    EXPECT_FALSE(parse_drop_totals(kBootText + sockets)) << sockets;
  }
  EXPECT_FALSE(parse_drop_totals(kBootText + std::string(":1=0@0\0", 7)));
  EXPECT_FALSE(parse_drop_totals(""));
}

TEST(DropTotals, ABootsIdHasItsForm) {
  EXPECT_TRUE(is_boot_id(kBootText));
  for (const std::string& other :
       {std::string(), kBootText.substr(1), kBootText + "0", std::string(36, '0'),
        std::string(36, '-'), "870C2F1E" + kBootText.substr(8), "g" + kBootText.substr(1),
        std::string("870c2f1e1-d5b-4a3c-9a52-0d6c7a0b1e55")}) {
    EXPECT_FALSE(is_boot_id(other)) << other;
    EXPECT_FALSE(parse_drop_totals(other + ":1=0@0")) << other;
  }
}

// A shorter number may be one as well: what is taken is what is written.
TEST(DropTotals, ATruncatedTextIsRefusedOrIsAnotherOnesWhole) {
  const std::string text = kBootText + ":1f=812@1795624433,20=0@1795624434";
  std::size_t taken = 0;
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto totals = parse_drop_totals(text.substr(0, length));
    if (!totals) continue;
    ++taken;
    EXPECT_EQ(totals->encoded(), text.substr(0, length));
    EXPECT_GT(length, text.find('@')) << "no total without its time";
  }
  EXPECT_EQ(taken, 10u + 9u) << "the digits of the times, the last of all left out";
}

}  // namespace
}  // namespace stele::daemon
