// Goal: H is SHA-256, however the input is cut, on every thread; hex reads back what it writes.
// Method: known answers of FIPS 180; every cut of a message.
#include "attest/hash.h"

#include <gtest/gtest.h>

#include <thread>

namespace stele::attest {
namespace {

TEST(Hash, GivesTheKnownAnswersOfSha256) {
  EXPECT_EQ(to_hex(hash(ByteView())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(hash(view("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hash(view("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(hash(Bytes(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hash, OfPartsIsThatOfTheirConcatenation) {
  const std::string text(200, 'x');
  const Hash whole = hash(view(text));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const ByteView left = view(text).first(cut), right = view(text).subspan(cut);
    EXPECT_EQ(hash({left, right}), whole);
    Hasher hasher;
    EXPECT_EQ(hasher.update(left).update(right).finish(), whole);
  }
}

TEST(Hash, AHasherStartsAnewAfterItHasFinished) {
  Hasher hasher;
  EXPECT_EQ(hasher.finish(), hash(ByteView()));
  EXPECT_EQ(hasher.update(view("abc")).finish(), hash(view("abc")));
  EXPECT_EQ(hasher.update(view("abc")).finish(), hash(view("abc")));
}

TEST(Hash, WorksOnSeveralThreadsAtOnce) {
  const auto expected = hash(Bytes(1000, 7));
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&count, expected] {
      for (int i = 0; i < 200; ++i) count += hash(Bytes(1000, 7)) != expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(Hash, ADomainTagEndsWithANulByte) {
  EXPECT_EQ(to_hex(tag("ab")), "616200");
  EXPECT_EQ(to_hex(view("ab")), "6162");
  EXPECT_NE(hash({tag("ab"), view("c")}), hash({tag("a"), view("bc")}));
}

TEST(Hex, ReadsBackWhatItWrites) {
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::uint8_t>(i));
  EXPECT_EQ(from_hex(to_hex(all)), all);
  EXPECT_EQ(from_hex("00fFFf"), (Bytes{0x00, 0xff, 0xff}));
  EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, OtherTextIsRefused) {
  for (const char* text : {"0", "0g", "g0", "0x00", " 00", "00 ", "000", "\xff\xff"}) {
    EXPECT_FALSE(from_hex(text)) << text;
  }
}

TEST(Hex, AHashHasExactly64Digits) {
  const Hash some = hash(view("abc"));
  EXPECT_EQ(hash_from_hex(to_hex(some)), some);
  EXPECT_FALSE(hash_from_hex(to_hex(some).substr(2)));
  EXPECT_FALSE(hash_from_hex(to_hex(some) + "00"));
  EXPECT_FALSE(hash_from_hex(""));
}

}  // namespace
}  // namespace stele::attest
