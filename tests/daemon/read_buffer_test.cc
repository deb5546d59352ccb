// Goal: whatever a connection sends and in whatever order, it holds its own 16 KiB, or a large
// buffer only while more than that lies in it undecoded; no byte is lost, changed or moved to
// another's. Method: each step by itself, and a hundred walks from fixed seeds beside a plain string.
#include "daemon/ingest/read_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace stele::daemon {
namespace {

constexpr std::size_t kLongest = (1u << 20) + kOwnReadBytes;

// Every byte by its number; after so many they come again, which no buffer has room for.
constexpr std::size_t kPeriod = 2 * kLongest;
std::string every_byte() {
  std::string bytes(2 * kPeriod, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t number = i % kPeriod;
    bytes[i] = static_cast<char>(number * 31 + (number >> 8) * 7 + (number >> 16));
  }
  return bytes;
}

// So many bytes, of which the first is the one of this number.
std::string bytes_from(std::size_t number, std::size_t count) {
  static const std::string every = every_byte();
  return every.substr(number % kPeriod, count);
}

// As much of it as one read takes; how much that was.
std::size_t read_into(ReadBuffer& buffer, const std::string& bytes) {
  const auto space = buffer.space();
  const std::size_t count = std::min(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), count);
  buffer.received(count);
  return count;
}

std::string_view rest_of(const ReadBuffer& buffer) {
  return {reinterpret_cast<const char*>(buffer.rest().data()), buffer.rest().size()};
}

TEST(ReadRoom, LendsNoMoreThanThereIsAndTheWarmestFirst) {
  ReadRoom room(64, 200);
  ASSERT_EQ(room.count(), 3u);
  std::vector<ReadRoom::Lent> lent;
  for (std::size_t i = 0; i < 3; ++i) {
    lent.push_back(room.lend());
    ASSERT_TRUE(lent.back());
    std::memset(lent.back().get(), static_cast<int>(i), 64);
  }
  EXPECT_FALSE(room.lend());
  EXPECT_EQ(room.lent(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(std::all_of(lent[i].get(), lent[i].get() + 64, [&](std::uint8_t byte) {
      return byte == i;
    })) << "nobody else's lies in it";
  }
  const std::uint8_t* const warm = lent[1].get();
  lent[1].reset();
  EXPECT_EQ(room.lend().get(), warm);
  EXPECT_EQ(room.lent(), 2u);
}

TEST(ReadBuffer, ASilentConnectionHoldsNothing) {
  ReadRoom room;
  ReadBuffer buffer(room, kLongest);
  EXPECT_TRUE(buffer.rest().empty());
  EXPECT_EQ(buffer.space().size(), kLentReadBytes) << "a busy one borrows at once";
  EXPECT_EQ(room.lent(), 1u);
  buffer.received(0);
  buffer.settle();
  EXPECT_EQ(room.lent(), 0u);
}

TEST(ReadBuffer, TheLargeBufferIsGivenBackWhenWhatIsLeftFitsIntoItsOwn) {
  for (const std::size_t left : {std::size_t{0}, std::size_t{1}, kOwnReadBytes - 1, kOwnReadBytes,
                                 kOwnReadBytes + 1, kLentReadBytes}) {
    ReadRoom room;
    ReadBuffer buffer(room, kLongest);
    const std::string sent = bytes_from(0, kLentReadBytes);
    ASSERT_EQ(read_into(buffer, sent), sent.size());
    buffer.skip(sent.size() - left);
    buffer.settle();
    EXPECT_EQ(room.lent(), left > kOwnReadBytes ? 1u : 0u) << left;
    EXPECT_EQ(rest_of(buffer), sent.substr(sent.size() - left));
    EXPECT_EQ(buffer.needs_turn(), left >= kOwnReadBytes) << left;
    buffer.clear();
    EXPECT_EQ(room.lent(), 0u);
    EXPECT_TRUE(buffer.rest().empty());
  }
}

TEST(ReadBuffer, WhereAllAreLentItReadsIntoItsOwnAndBorrowsAgainWhenOneIsFree) {
  ReadRoom room;
  std::vector<ReadRoom::Lent> others;
  while (auto one = room.lend()) others.push_back(std::move(one));
  ReadBuffer buffer(room, kLongest);
  const std::string sent = bytes_from(7, 3 * kOwnReadBytes);
  EXPECT_EQ(read_into(buffer, sent), kOwnReadBytes);
  buffer.skip(kOwnReadBytes - 5);
  buffer.settle();
  EXPECT_EQ(read_into(buffer, sent.substr(kOwnReadBytes)), kOwnReadBytes - 5);
  buffer.skip(kOwnReadBytes - 5);
  others.pop_back();
  EXPECT_EQ(read_into(buffer, sent.substr(2 * kOwnReadBytes - 5)), kOwnReadBytes + 5);
  EXPECT_EQ(rest_of(buffer), sent.substr(2 * kOwnReadBytes - 10));
  EXPECT_FALSE(room.lend()) << "it has the one that came free";
}

TEST(ReadBuffer, ALongEventHasRoomOfItsOwnAndReadsNoMoreThanItsOwnTakesOver) {
  ReadRoom room;
  ReadBuffer buffer(room, kLongest);
  const std::string sent = bytes_from(3, kLongest);
  std::size_t given = read_into(buffer, sent.substr(0, 100'000));
  buffer.settle();
  ASSERT_TRUE(buffer.needs_turn());
  EXPECT_FALSE(buffer.is_long());
  while (given < (1u << 20)) {
    const std::size_t more = read_into(buffer, sent.substr(given));
    ASSERT_GT(more, 0u);
    EXPECT_LE(more, kOwnReadBytes);
    given += more;
    buffer.settle();
    EXPECT_TRUE(buffer.is_long());
    EXPECT_FALSE(buffer.needs_turn()) << "it has it";
    EXPECT_EQ(room.lent(), 0u);
  }
  EXPECT_EQ(rest_of(buffer), sent.substr(0, given));
  buffer.skip((1u << 20) - 10);
  buffer.settle();
  EXPECT_FALSE(buffer.is_long()) << "what follows fits into its own";
  EXPECT_EQ(rest_of(buffer), sent.substr((1u << 20) - 10, given - (1u << 20) + 10));
}

// It would wait for the next turn with it.
TEST(ReadBuffer, ASenderOfLongEventsLeavesTheLargeBuffersToOthersUntilAShortOneComes) {
  ReadRoom room;
  ReadBuffer buffer(room, kLongest);
  const std::string sent = bytes_from(0, 100'000);
  const auto take_a_long_one = [&] {
    read_into(buffer, sent);
    buffer.settle();
    while (!buffer.is_long()) {
      read_into(buffer, sent);
      buffer.settle();
    }
    buffer.skip(buffer.rest().size());
    buffer.settle();
  };
  take_a_long_one();
  EXPECT_EQ(buffer.space().size(), kLentReadBytes) << "nobody else wants one";
  buffer.settle();
  take_a_long_one();
  const auto other = room.lend();
  EXPECT_EQ(buffer.space().size(), kOwnReadBytes);
  buffer.settle();
  read_into(buffer, sent.substr(0, 10));
  EXPECT_EQ(room.lent(), 1u) << "its own";
  buffer.skip(10);
  buffer.settle();
  EXPECT_EQ(buffer.space().size(), kLentReadBytes);
}

TEST(ReadBuffer, AHundredWalksLoseAndChangeNoByteAndHoldNoMoreThanTheyNeed) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
    ReadRoom room(kLentReadBytes, 3 * kLentReadBytes);
    ReadBuffer buffer(room, kLongest);
    std::vector<ReadRoom::Lent> others;
    std::string held;
    std::size_t number = 0;
    for (int step = 0; step < 200; ++step) {
      switch (below(6)) {
        case 0:
          if (auto one = room.lend()) others.push_back(std::move(one));
          break;
        case 1:
          if (!others.empty()) others.pop_back();
          break;
        case 2:
        case 3: {  // what is unfinished is never longer than an event
          if (held.size() > (1u << 20)) break;
          const std::string sent = bytes_from(number, 1 + below(below(2) ? 300'000 : 20'000));
          const std::size_t count = read_into(buffer, sent);
          ASSERT_GT(count, 0u);
          number += count;
          held.append(sent, 0, count);
          break;
        }
        case 4: {
          const std::size_t used = below(2) ? held.size() : below(held.size() + 1);
          buffer.skip(used);
          held.erase(0, used);
          break;
        }
        default:
          buffer.settle();
          if (held.size() <= kOwnReadBytes) {
            ASSERT_EQ(room.lent(), others.size());
            ASSERT_FALSE(buffer.is_long());
          }
      }
      ASSERT_LE(room.lent(), others.size() + 1);
      ASSERT_TRUE(rest_of(buffer) == held)
          << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace stele::daemon
