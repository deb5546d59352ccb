// Goal: no more turns than there is room for, in the order of asking; whoever is gone takes none;
// nobody is ended while a turn is free. Method: coroutines on a context that the test runs by hand.
#include "daemon/ingest/long_events.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>
#include <vector>

namespace stele::daemon {
namespace {

class LongEventsTest : public ::testing::Test {
 protected:
  // Asks for a turn; `turns[n]` is there once it has been given.
  void ask(std::size_t n) {
    boost::asio::co_spawn(
        context,
        [this, n]() -> boost::asio::awaitable<void> {
          turns[n] = co_await long_events->take(senders[n], [this, n] { return gone[n]; });
          order.push_back(n);
        },
        boost::asio::detached);
    context.restart();
    context.poll();
  }
  // Until so many have been answered; a minute at most.
  void run_until(std::size_t answered) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (order.size() < answered && std::chrono::steady_clock::now() < deadline) {
      context.restart();
      context.run_one_for(std::chrono::seconds(1));
    }
  }

  boost::asio::io_context context;
  LongEventsTest() {
    Config config;
    config.unfinished_bytes = 2u << 20;
    config.max_event_bytes = 1u << 20;
    long_events = std::make_shared<LongEvents>(context.get_executor(), config);
  }
  std::shared_ptr<LongEvents> long_events;
  std::vector<std::string> senders{"a", "a", "b", "b", "c"};
  std::vector<LongEvents::Turn> turns{5};
  std::vector<bool> gone = std::vector<bool>(5);
  std::vector<std::size_t> order;
};

TEST_F(LongEventsTest, AreGivenInOrderAndNoMoreThanThereIsRoomFor) {
  int asked_for_relief = 0;
  long_events->relieve = [&](const std::string&) { ++asked_for_relief; };
  ask(0);
  ask(1);
  EXPECT_EQ(asked_for_relief, 0);
  ask(2);
  ask(3);
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1}));
  EXPECT_GT(asked_for_relief, 0);
  turns[1].reset();
  run_until(3);
  turns[0].reset();
  turns[2].reset();
  ask(4);
  run_until(5);
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST_F(LongEventsTest, WhoeverIsEndedMakesRoom) {
  ask(0);
  ask(1);
  long_events->relieve = [&](const std::string& who) {
    EXPECT_EQ(who, "b");
    turns[0].reset();
  };
  ask(2);
  run_until(3);
  EXPECT_TRUE(turns[1] && turns[2] && !turns[0]);
}

TEST_F(LongEventsTest, WhoeverIsGoneTakesNone) {
  ask(0);
  ask(1);
  ask(2);
  ask(3);
  gone[2] = true;
  run_until(3);
  EXPECT_FALSE(turns[2]);
  turns[0].reset();
  run_until(4);
  EXPECT_TRUE(turns[3]);
}

TEST_F(LongEventsTest, WhoHasTwoMoreThanWhoWaitsIsGivenLessTime) {
  EXPECT_EQ(long_events->patience("a", "b"), Config{}.evict_after);
  ask(0);
  EXPECT_EQ(long_events->patience("a", "b"), Config{}.evict_after);
  ask(1);
  EXPECT_EQ(long_events->turns_of("a"), 2u);
  EXPECT_EQ(long_events->patience("a", "b"), kBriefPause);
  EXPECT_EQ(long_events->patience("a", "a"), Config{}.evict_after);
  turns[0].reset();
  EXPECT_EQ(long_events->patience("a", "b"), Config{}.evict_after);
}

}  // namespace
}  // namespace stele::daemon
