// Goal: a leaf and a commitment are byte for byte what the format says, and nothing else is a leaf.
// Method: the example's fields written out by hand; every length; every field of a commitment moved
// into its neighbour.
#include "attest/record.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "attest/codec.h"
#include "tests/support/examples.h"

namespace stele::attest {
namespace {

TEST(Leaf, HasTheFieldsInTheirPlaces) {
  Leaf leaf{Kind::note, 0x0102030405060708, 0x1112131415161718, test::filled(0xaa)};
  EXPECT_EQ(to_hex(encode(leaf)), "01" "05" "0102030405060708" "1112131415161718" +
                                      to_hex(test::filled(0xaa)));
  leaf.time_ns = -1;
  leaf.source = kNoSource;
  EXPECT_EQ(to_hex(ByteView(encode(leaf)).first(18)), "01" "05" "ffffffffffffffff" "ffffffffffffffff");
}

TEST(Leaf, IsReadAndWrittenBackUnchanged) {
  for (int kind = 0; kind < 256; ++kind) {
    for (const std::int64_t time : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                                    std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
      const Leaf leaf{static_cast<Kind>(kind), time, static_cast<std::uint64_t>(kind) << 40,
                      hash(view(std::to_string(kind)))};
      const auto read = decode_leaf(encode(leaf));
      ASSERT_TRUE(read);
      EXPECT_EQ(*read, leaf);
    }
  }
}

TEST(Leaf, OtherLengthsAndVersionsAreRefused) {
  const auto good = encode(test::example_leaf());
  Bytes longer(good.begin(), good.end());
  longer.push_back(0);
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto read = decode_leaf(ByteView(good).first(length));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().fault, Fault::leaf_malformed);
  }
  ASSERT_FALSE(decode_leaf(longer));
  EXPECT_EQ(decode_leaf(longer).error().fault, Fault::leaf_malformed);
  for (int version = 0; version < 256; ++version) {
    auto other = good;
    other[0] = static_cast<std::uint8_t>(version);
    EXPECT_EQ(decode_leaf(other).has_value(), version == kLeafVersion);
    if (version != kLeafVersion) {
      EXPECT_EQ(decode_leaf(other).error().fault, Fault::leaf_version_unknown);
    }
  }
}

TEST(Leaf, HashIsThatOfTheRfcWithThePrefixZero) {
  const auto leaf = encode(test::example_leaf());
  Bytes prefixed = {0x00};
  Writer(prefixed).bytes(leaf);
  EXPECT_EQ(leaf_hash(leaf), hash(prefixed));
  EXPECT_LE(prefixed.size(), 55u);  // one SHA-256 block
}

TEST(Leaf, EveryChangedBitChangesTheHash) {
  const auto good = encode(test::example_leaf());
  std::set<Hash> seen = {leaf_hash(good)};
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto changed = good;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    EXPECT_TRUE(seen.insert(leaf_hash(changed)).second);
  }
}

TEST(Commitment, IsTheHashOfTagSaltLengthsAndBytes) {
  const Bytes tlvs = test::example_tlvs();
  const Content content = test::example_content(tlvs);
  Bytes message = {'s', 't', 'e', 'l', 'e', '/', 'v', '1', '/', 'c', 'o', 'n', 't', 'e', 'n', 't', 0};
  Writer(message)
      .bytes(content.salt)
      .u32(static_cast<std::uint32_t>(tlvs.size()))
      .bytes(tlvs)
      .u64(content.bytes.size())
      .bytes(content.bytes);
  EXPECT_EQ(commit(content), hash(message));
}

TEST(Commitment, BytesCannotMoveFromOneFieldToAnother) {
  const Bytes tlvs = test::example_tlvs();
  Bytes joined = tlvs;
  const Content content = test::example_content(tlvs);
  Writer(joined).bytes(content.bytes);
  std::set<Hash> seen;
  for (std::size_t cut = 0; cut <= joined.size(); ++cut) {
    const Content moved{content.salt, ByteView(joined).first(cut), ByteView(joined).subspan(cut)};
    EXPECT_TRUE(seen.insert(commit(moved)).second) << cut;
  }
  EXPECT_TRUE(seen.contains(commit(content)));
  EXPECT_FALSE(seen.contains(commit({test::filled(0x5b), content.tlvs, content.bytes})));
}

TEST(Tlvs, AscendingTypesAreAccepted) {
  Bytes tlvs;
  EXPECT_TRUE(verify_tlvs(tlvs));
  append_tlv(tlvs, TlvType::idempotency_key_hash, test::filled(1));
  EXPECT_TRUE(verify_tlvs(tlvs));
  append_tlv(tlvs, TlvType::sender_position, {});
  EXPECT_TRUE(verify_tlvs(tlvs));
  Writer(tlvs).u16(0xffff).sized32(view("of a later version"));
  EXPECT_TRUE(verify_tlvs(tlvs));
}

TEST(Tlvs, TwiceOutOfOrderOrCutIsRefused) {
  Bytes ascending, descending, twice;
  Writer(ascending).u16(1).sized32(view("a")).u16(2).sized32(view("b"));
  Writer(descending).u16(2).sized32(view("b")).u16(1).sized32(view("a"));
  Writer(twice).u16(1).sized32(view("a")).u16(1).sized32(view("a"));
  for (const Bytes& wrong : {descending, twice}) {
    ASSERT_FALSE(verify_tlvs(wrong));
    EXPECT_EQ(verify_tlvs(wrong).error().fault, Fault::value_out_of_range);
  }
  const std::size_t first = 2 + 4 + 1;
  for (std::size_t length = 1; length < ascending.size(); ++length) {
    const auto cut = verify_tlvs(ByteView(ascending).first(length));
    EXPECT_EQ(cut.has_value(), length == first) << length;
    if (length != first) {
      EXPECT_EQ(cut.error().fault, Fault::truncated);
    }
  }
}

TEST(TlvsDeathTest, AppendingOutOfOrderIsABug) {
  Bytes tlvs;
  append_tlv(tlvs, TlvType::sender_position, {});
  EXPECT_DEATH(append_tlv(tlvs, TlvType::idempotency_key_hash, {}), "ENSURE");
}

TEST(Kind, EveryKindHasItsOwnName) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(Kind::witness); ++kind) {
    EXPECT_TRUE(names.insert(name(static_cast<Kind>(kind))).second);
  }
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(name(static_cast<Kind>(13)), "unknown");
}

}  // namespace
}  // namespace stele::attest
