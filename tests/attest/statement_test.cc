// Goal: a statement's 256 bytes are the ones of the format, d, E and the chain are the stated hashes.
// Method: each field set alone and found at its offset; every length, version and flag.
#include "attest/statement.h"

#include <gtest/gtest.h>

#include <set>

#include "attest/codec.h"
#include "tests/support/examples.h"

namespace stele::attest {
namespace {

std::string field(const Statement& statement, std::size_t offset, std::size_t size) {
  return to_hex(ByteView(encode(statement)).subspan(offset, size));
}

TEST(Statement, HasEveryFieldAtItsOffset) {
  Statement s;
  s.flags = kQuote | kFirstOfRun;
  s.log_id = test::filled(0x01);
  s.era = 0x02020202;
  s.seq = 0x0303030303030303;
  s.quote_seq = 0x0404040404040404;
  s.counter = 0x0505050505050505;
  s.tree = {0x0606060606060606, test::filled(0x07)};
  s.chain_head = test::filled(0x08);
  s.prev_extend = test::filled(0x09);
  s.prev_receipt = test::filled(0x0a);
  s.bundle = test::filled(0x0b);
  s.wallclock_ns = 0x0c0c0c0c0c0c0c0c;
  s.run = {0x0d0d0d0d, 0x0e0e0e0e};
  const auto repeated = [](const char* byte, int count) {
    std::string out;
    while (count-- > 0) out += byte;
    return out;
  };
  EXPECT_EQ(field(s, 0, 8), to_hex(view("STELEAN1")));
  EXPECT_EQ(field(s, 8, 2), "0001");
  EXPECT_EQ(field(s, 10, 2), "0021");
  EXPECT_EQ(field(s, 12, 32), repeated("01", 32));
  EXPECT_EQ(field(s, 44, 4), repeated("02", 4));
  EXPECT_EQ(field(s, 48, 8), repeated("03", 8));
  EXPECT_EQ(field(s, 56, 8), repeated("04", 8));
  EXPECT_EQ(field(s, 64, 8), repeated("05", 8));
  EXPECT_EQ(field(s, 72, 8), repeated("06", 8));
  EXPECT_EQ(field(s, 80, 32), repeated("07", 32));
  EXPECT_EQ(field(s, 112, 32), repeated("08", 32));
  EXPECT_EQ(field(s, 144, 32), repeated("09", 32));
  EXPECT_EQ(field(s, 176, 32), repeated("0a", 32));
  EXPECT_EQ(field(s, 208, 32), repeated("0b", 32));
  EXPECT_EQ(field(s, 240, 8), repeated("0c", 8));
  EXPECT_EQ(field(s, 248, 4), repeated("0d", 4));
  EXPECT_EQ(field(s, 252, 4), repeated("0e", 4));
  const auto read = decode_statement(encode(s));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, s);
}

TEST(Statement, OtherLengthsMagicsAndVersionsAreRefused) {
  const auto good = encode(test::example_statement());
  EXPECT_TRUE(decode_statement(good));
  for (std::size_t length = 0; length < good.size(); ++length) {
    const auto cut = decode_statement(ByteView(good).first(length));
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().fault, Fault::truncated);
  }
  Bytes longer(good.begin(), good.end());
  longer.push_back(0);
  EXPECT_EQ(decode_statement(longer).error().fault, Fault::trailing_bytes);
  for (std::size_t bit = 0; bit < 80; ++bit) {
    auto changed = good;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto read = decode_statement(changed);
    ASSERT_FALSE(read) << bit;
    EXPECT_EQ(read.error().fault, bit < 64 ? Fault::bad_magic : Fault::version_unknown);
  }
}

TEST(Statement, AnotherVersionIsUnknownAtAnyLength) {
  const auto good = encode(test::example_statement());
  Bytes newer(good.begin(), good.end());
  newer[9] = 2;
  for (const std::size_t length : {std::size_t{10}, newer.size() - 1, newer.size(), newer.size() + 1}) {
    newer.resize(length);
    EXPECT_EQ(decode_statement(newer).error().fault, Fault::version_unknown) << length;
  }
}

TEST(Statement, AFlagWithoutANameIsRefused) {
  for (unsigned bit = 0; bit < 16; ++bit) {
    Statement statement = test::example_statement();
    statement.flags = static_cast<std::uint16_t>(1u << bit);
    statement.quote_seq = statement.is_quote() ? 1 : 0;
    const auto read = decode_statement(encode(statement));
    EXPECT_EQ(read.has_value(), bit < 7) << bit;
    if (!read) {
      EXPECT_EQ(read.error().fault, Fault::value_out_of_range);
    }
  }
}

TEST(Statement, AQuoteAnchorsNumberIsThereExactlyIfTheFlagIs) {
  for (const bool flag : {false, true}) {
    for (const std::uint64_t number : {0u, 1u}) {
      Statement statement = test::example_statement();
      statement.flags = flag ? kQuote : 0;
      statement.quote_seq = number;
      EXPECT_EQ(decode_statement(encode(statement)).has_value(), flag == (number != 0));
    }
  }
}

TEST(Statement, DigestAndExtensionAreTheStatedHashes) {
  const auto bytes = encode(test::example_statement());
  Bytes message = {'s', 't', 'e', 'l', 'e', '/', 'v', '1', '/', 'a', 'n', 'c', 'h', 'o', 'r', 0};
  Writer(message).bytes(bytes);
  EXPECT_EQ(statement_digest(bytes), hash(message));
  Bytes both;
  Writer(both).bytes(test::filled(1)).bytes(test::filled(2));
  EXPECT_EQ(extended(test::filled(1), test::filled(2)), hash(both));
}

TEST(Statement, EveryChangedBitChangesTheDigest) {
  const auto good = encode(test::example_statement());
  std::set<Hash> seen = {statement_digest(good)};
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto changed = good;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    EXPECT_TRUE(seen.insert(statement_digest(changed)).second);
  }
}

}  // namespace
}  // namespace stele::attest
