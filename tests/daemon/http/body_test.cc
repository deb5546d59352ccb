// Goal: a body is unpacked to the byte or refused as what it is, never beyond its limit; lines are
// split as the ingest socket splits them. Method: packed by zlib and zstd here, cut and flipped.
#include "daemon/http/body.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <string>

#include "tests/daemon/http/gzip.h"

namespace stele::daemon {
namespace {

using attest::Bytes;
using attest::ByteView;
using attest::Fault;

Bytes zstd(ByteView plain) {
  Bytes packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
  return packed;
}

Bytes pack(Packing packing, ByteView plain) {
  return packing == Packing::gzip ? test::gzip(plain) : zstd(plain);
}

Bytes some(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * i / 7);
  return bytes;
}

TEST(HttpBody, WhatWasPackedComesOutWholeUpToTheLimitAndNotOneByteBeyond) {
  for (const Packing packing : {Packing::gzip, Packing::zstd}) {
    for (const std::size_t size : {0u, 1u, 100u, 65'536u, 65'537u, 300'000u}) {
      const Bytes plain = some(size);
      const Bytes packed = pack(packing, plain);
      const auto whole = unpack(packing, packed, size);
      ASSERT_TRUE(whole) << whole.error().detail;
      EXPECT_EQ(*whole, plain);
      if (size == 0) continue;
      const auto beyond = unpack(packing, packed, size - 1);
      ASSERT_FALSE(beyond);
      EXPECT_EQ(beyond.error().fault, Fault::value_out_of_range);
    }
  }
}

TEST(HttpBody, EveryTruncationIsRefused) {
  const Bytes plain = some(2'000);
  for (const Packing packing : {Packing::gzip, Packing::zstd}) {
    const Bytes packed = pack(packing, plain);
    for (std::size_t size = 0; size < packed.size(); ++size) {
      EXPECT_FALSE(unpack(packing, ByteView(packed).first(size), 1 << 20)) << size;
    }
  }
}

TEST(HttpBody, SeveralMembersOneAfterAnotherAreOneBody) {
  const Bytes plain = some(1'000);
  for (const Packing packing : {Packing::gzip, Packing::zstd}) {
    Bytes packed = pack(packing, plain);
    const Bytes again = packed;
    packed.insert(packed.end(), again.begin(), again.end());
    const auto both = unpack(packing, packed, 2'000);
    ASSERT_TRUE(both) << both.error().detail;
    EXPECT_EQ(both->size(), 2'000u);
    packed.push_back('x');
    EXPECT_FALSE(unpack(packing, packed, 1 << 20));
  }
}

TEST(HttpBody, OnlyNamedPackingsAndTypesAreKnown) {
  EXPECT_EQ(packing_of(""), Packing::none);
  EXPECT_EQ(packing_of(" GZip "), Packing::gzip);
  EXPECT_EQ(packing_of("zstd"), Packing::zstd);
  EXPECT_EQ(packing_of("gzip, zstd"), std::nullopt);
  EXPECT_EQ(packing_of("br"), std::nullopt);
  EXPECT_TRUE(is_lines("application/x-ndjson; charset=utf-8"));
  EXPECT_TRUE(is_lines("Application/JSONL"));
  EXPECT_FALSE(is_lines("application/json"));
  EXPECT_FALSE(is_lines(""));
}

TEST(HttpBody, LinesAreEventsAndOneTooManyIsNothing) {
  const std::string text = "one\r\n\nlonger\nend";
  const auto found = split_body(true, attest::view(text), 5, 4);
  ASSERT_TRUE(found);
  std::vector<std::string> events;
  for (const Framed& event : found->events)
    events.push_back(text.substr(event.offset, event.length));
  EXPECT_EQ(events, (std::vector<std::string>{"one\r", "", "end"}));
  ASSERT_EQ(found->refused.size(), 1u);
  EXPECT_EQ(found->refused.front().at, 2u);
  EXPECT_FALSE(split_body(true, attest::view(text), 5, 3));
  EXPECT_TRUE(split_body(true, {}, 5, 3)->events.empty());
}

TEST(HttpBody, ABodyThatIsNoLinesIsOneEventOfAnyBytes) {
  const std::string text = "one\ntwo\n";
  EXPECT_EQ(split_body(false, attest::view(text), 8, 1)->events.front().length, 8u);
  EXPECT_EQ(split_body(false, attest::view(text), 7, 1)->refused.size(), 1u);
  EXPECT_EQ(split_body(false, {}, 7, 1)->events.size(), 1u);
}

}  // namespace
}  // namespace stele::daemon
