// Goal: many hashes at once are, each of them, the hash alone.
// Method: every length around the limits of blocks and lanes, in many mixtures and numbers, in
// lanes where the processor has them and one by one, against hash().
#include "attest/hash_many.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <random>

#include "attest/sha256_lanes.h"

namespace stele::attest {
namespace {

Bytes message_of(std::size_t length, std::uint32_t seed) {
  std::minstd_rand next(seed + 1);
  Bytes bytes(length);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(next() >> 7);
  return bytes;
}

void expect_as_alone(HashMany& many, const std::vector<std::size_t>& lengths) {
  std::vector<Bytes> messages;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    messages.push_back(message_of(lengths[i], static_cast<std::uint32_t>(i)));
  }
  std::vector<Hash> out(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const ByteView whole(messages[i]);
    const std::size_t cut = whole.size() / 3;
    many.add({whole.first(cut), ByteView(), whole.subspan(cut)}, out[i]);
  }
  many.finish();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    ASSERT_EQ(out[i], hash(messages[i])) << "message " << i << " of " << lengths[i] << " bytes";
  }
}

class HashManyTest : public testing::TestWithParam<HashMany::How> {
 protected:
  HashMany many{GetParam()};
};

TEST_P(HashManyTest, EveryLengthUpToFiveBlocksIsHashedAsAlone) {
  std::vector<std::size_t> lengths(5 * kSha256BlockBytes + 1);
  for (std::size_t i = 0; i < lengths.size(); ++i) lengths[i] = i;
  expect_as_alone(many, lengths);
  std::reverse(lengths.begin(), lengths.end());
  expect_as_alone(many, lengths);
}

TEST_P(HashManyTest, EveryNumberOfMessagesIsTaken) {
  for (std::size_t count = 0; count <= 3 * kSha256Lanes + 1; ++count) {
    expect_as_alone(many, std::vector<std::size_t>(count, 51));
  }
  expect_as_alone(many, std::vector<std::size_t>(2 * HashMany::kBatchMessages + 3, 383));
}

TEST_P(HashManyTest, LanesOfUnlikeLengthsEndEachInItsOwnBlock) {
  std::minstd_rand next(4711);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::size_t> lengths(kSha256Lanes + next() % 20);
    for (auto& length : lengths) length = next() % (HashMany::kLongestBytes + 100);
    expect_as_alone(many, lengths);
  }
}

TEST_P(HashManyTest, TheLongestInLanesAndTheFirstThatIsTooLongAreHashedAsAlone) {
  const std::size_t longest = HashMany::kLongestBytes;
  expect_as_alone(many, {longest, longest + 1, longest - 1, 0, longest, 1u << 20, 3});
  expect_as_alone(many, std::vector<std::size_t>(200, longest));  // more than a batch's bytes
}

INSTANTIATE_TEST_SUITE_P(InLanes, HashManyTest,
                         testing::Values(HashMany::How::as_fast_as_possible));
INSTANTIATE_TEST_SUITE_P(OneByOne, HashManyTest, testing::Values(HashMany::How::one_by_one));

TEST(Sha256Lanes, SayWhetherThisProcessorHasThem) {
  std::cout << (has_sha256_lanes() ? "lanes: 16 (AVX-512)" : "lanes: none, one by one") << "\n";
}

}  // namespace
}  // namespace stele::attest
