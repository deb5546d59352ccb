// Goal: the genesis is fixed bytes from which log_id, d_0 and E_0 follow, and no other bytes are one.
// Method: round trips; each rule of the format broken once; every prefix.
#include "attest/genesis.h"

#include <gtest/gtest.h>

#include "attest/codec.h"
#include "attest/receipt.h"
#include "attest/statement.h"
#include "tests/support/examples.h"

namespace stele::attest {
namespace {

// Offsets of the fields that the tests bend.
constexpr std::size_t kModeAt = 10, kPcrAt = 11, kEraAt = 12, kPreviousAt = 150, kOriginAt = 232;

TEST(Genesis, IsReadAndWrittenBackUnchanged) {
  Genesis genesis = test::example_genesis();
  for (const Mode mode : {Mode::a, Mode::b}) {
    for (const std::string& origin : {std::string("a"), std::string(255, '~')}) {
      for (const std::uint32_t era : {0u, 1u, ~0u}) {
        genesis.mode = mode;
        genesis.origin = origin;
        genesis.era = era;
        genesis.previous_log_id = era == 0 ? Hash{} : test::filled(4);
        genesis.previous_tree = era == 0 ? TreeHead{} : TreeHead{9, test::filled(5)};
        genesis.tlvs = era == 0 ? Bytes{} : test::example_tlvs();
        const auto read = decode_genesis(encode(genesis));
        ASSERT_TRUE(read);
        EXPECT_EQ(*read, genesis);
      }
    }
  }
}

TEST(Genesis, EveryPrefixIsTruncatedAndEverythingBehindIsRefused) {
  const Bytes good = encode(test::example_genesis());
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto cut = decode_genesis(ByteView(good).first(length));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().fault, Fault::truncated) << length;
  }
  Bytes longer = good;
  longer.push_back(0);
  ASSERT_FALSE(decode_genesis(longer));
  EXPECT_EQ(decode_genesis(longer).error().fault, Fault::trailing_bytes);
}

TEST(Genesis, MagicAndVersionAreFixed) {
  const Bytes good = encode(test::example_genesis());
  for (std::size_t bit = 0; bit < 80; ++bit) {
    Bytes changed = good;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto read = decode_genesis(changed);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().fault, bit < 64 ? Fault::bad_magic : Fault::version_unknown) << bit;
  }
}

Fault fault_with(std::size_t at, std::uint8_t value) {
  Bytes changed = encode(test::example_genesis());
  changed[at] = value;
  const auto read = decode_genesis(changed);
  EXPECT_FALSE(read) << at;
  return read ? Fault::kind_unknown : read.error().fault;
}

TEST(Genesis, WhatNoWriterWritesIsRefused) {
  EXPECT_EQ(fault_with(kModeAt, 'c'), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kModeAt, 'A'), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kPreviousAt, 1), Fault::value_out_of_range);  // era 0 has no log before it
  EXPECT_EQ(fault_with(kPreviousAt + 39, 1), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kOriginAt, '+'), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kOriginAt, ' '), Fault::value_out_of_range);
  EXPECT_EQ(fault_with(kOriginAt, 0x7f), Fault::value_out_of_range);
  Bytes later = encode(test::example_genesis());
  later[kEraAt + 3] = 1;
  later[kPreviousAt] = 1;
  EXPECT_TRUE(decode_genesis(later));
  Bytes with_tlvs = encode(test::example_genesis());
  with_tlvs.back() = 1;  // one byte that is no TLV
  with_tlvs.push_back(0);
  EXPECT_FALSE(decode_genesis(with_tlvs));
}

TEST(Genesis, OnlyAPcrThatNothingElseClearsMayBeP) {
  for (int pcr = 0; pcr < 256; ++pcr) {
    Bytes bytes = encode(test::example_genesis());
    bytes[kPcrAt] = static_cast<std::uint8_t>(pcr);
    EXPECT_EQ(decode_genesis(bytes).has_value(), pcr >= 8 && pcr <= 15 && pcr != 10) << pcr;
  }
}

TEST(Genesis, AnOriginIsAKeyName) {
  for (const char* good : {"a", "log.example/host1", "~", "!", "urn:uuid:1-2"}) {
    EXPECT_TRUE(is_origin(good)) << good;
  }
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a+b"),
                                 std::string("a\n"), std::string("\xc3\xa8"), std::string(256, 'a'),
                                 std::string("a\0b", 3)}) {
    EXPECT_FALSE(is_origin(bad)) << bad;
  }
}

TEST(Genesis, LogIdAndFirstExtendAreTheStatedHashes) {
  const Bytes bytes = encode(test::example_genesis());
  EXPECT_EQ(log_id(bytes), hash(bytes));
  Bytes message = {'s', 't', 'e', 'l', 'e', '/', 'v', '1', '/', 'g', 'e', 'n', 'e', 's', 'i', 's', 0};
  Writer(message).bytes(bytes);
  EXPECT_EQ(genesis_digest(bytes), hash(message));
  EXPECT_EQ(first_extend(bytes), hash({Hash{}, hash(message)}));
}

TEST(GenesisDeathTest, WritingWhatCannotBeReadIsABug) {
  Genesis genesis = test::example_genesis();
  genesis.origin = "two words";
  EXPECT_DEATH(encode(genesis), "ENSURE");
  genesis = test::example_genesis();
  genesis.pcr = 16;
  EXPECT_DEATH(encode(genesis), "ENSURE");
}

}  // namespace
}  // namespace stele::attest
