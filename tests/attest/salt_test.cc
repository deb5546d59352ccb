// Goal: salts follow from their seed, from nothing else, and never repeat.
// Method: draws of equal, different and renewed seeds are compared with each other.
#include "attest/salt.h"

#include <gtest/gtest.h>

#include <set>

namespace stele::attest {
namespace {

Hash seed(std::uint8_t byte) {
  Hash h;
  h.bytes.fill(byte);
  return h;
}

TEST(SaltSource, TheSameSeedGivesTheSameSaltsAndAnotherSeedOthers) {
  std::vector<Hash> one(5), same(5), other(5);
  SaltSource(seed(1)).fill(one);
  SaltSource(seed(1)).fill(same);
  SaltSource(seed(2)).fill(other);
  EXPECT_EQ(one, same);
  EXPECT_NE(one, other);
}

TEST(SaltSource, NoSaltComesTwice) {
  SaltSource source(seed(7));
  std::set<Hash> seen;
  for (int round = 0; round < 20; ++round) {
    std::vector<Hash> salts(static_cast<std::size_t>(round) * 13);
    if (round == 10) source.reseed(seed(8));
    source.fill(salts);
    for (const Hash& salt : salts) EXPECT_TRUE(seen.insert(salt).second);
  }
  EXPECT_EQ(seen.size(), 13u * 190u);
}

TEST(SaltSource, ReseedingChangesWhatFollows) {
  std::vector<Hash> plain(2), reseeded(2);
  SaltSource a(seed(3)), b(seed(3));
  b.reseed(seed(4));
  a.fill(plain);
  b.fill(reseeded);
  EXPECT_NE(plain, reseeded);
}

TEST(SaltSource, ManySaltsAtOnceAreAllDrawn) {
  std::vector<Hash> salts((1u << 20) + 3);
  SaltSource(seed(5)).fill(salts);
  EXPECT_NE(salts.back(), Hash{});
  EXPECT_NE(salts[1u << 20], salts[0]);
}

}  // namespace
}  // namespace stele::attest
