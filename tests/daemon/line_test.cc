// Goal: the line before the queue is served in order, by those alone who have room; whoever leaves
// it makes way; a wake reaches the first and nobody else. Method: places by hand, and coroutines
// that wait on a context that the test runs.
#include "daemon/ingest/line.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <vector>

namespace stele::daemon {
namespace {

class LineTest : public ::testing::Test {
 protected:
  // The n-th waits until it is woken once.
  void wait(std::size_t n) {
    boost::asio::co_spawn(
        context,
        [this, n]() -> boost::asio::awaitable<void> {
          co_await wakes[n].wait();
          woken.push_back(n);
        },
        boost::asio::detached);
    run();
  }
  void run() {
    context.restart();
    context.poll();
  }

  boost::asio::io_context context;
  std::vector<std::size_t> woken;
  Line line;
  std::vector<Wake> wakes = [this] {
    std::vector<Wake> some;
    for (int i = 0; i < 4; ++i) some.emplace_back(context.get_executor());
    return some;
  }();
};

TEST_F(LineTest, IsServedInOrderWhileThereIsRoom) {
  EXPECT_TRUE(line.empty());
  line.shut();
  std::optional<Line::Place> first(std::in_place, line, wakes[0]);
  std::optional<Line::Place> second(std::in_place, line, wakes[1]);
  EXPECT_FALSE(line.empty());
  EXPECT_FALSE(first->may_ask() || second->may_ask());
  line.open();
  EXPECT_TRUE(first->may_ask());
  EXPECT_FALSE(second->may_ask());
  first.reset();
  EXPECT_TRUE(second->may_ask());
  first.emplace(line, wakes[0]);
  EXPECT_FALSE(first->may_ask()) << "with more events it stands at the end";
  line.shut();
  EXPECT_FALSE(second->may_ask()) << "refused, it stays the first";
  line.open();
  EXPECT_TRUE(second->may_ask());
  second.reset();
  EXPECT_TRUE(first->may_ask());
  first.reset();
  EXPECT_TRUE(line.empty());
}

TEST_F(LineTest, WhoeverGivesUpMakesWayForTheNextAndNobodyAsksBeforeThereIsRoom) {
  line.shut();
  std::optional<Line::Place> first(std::in_place, line, wakes[0]);
  std::optional<Line::Place> second(std::in_place, line, wakes[1]);
  std::optional<Line::Place> third(std::in_place, line, wakes[2]);
  second.reset();
  first.reset();
  EXPECT_FALSE(third->may_ask());
  line.open();
  EXPECT_TRUE(third->may_ask());
}

TEST_F(LineTest, OnlyTheFirstIsWoken) {
  line.shut();
  std::optional<Line::Place> first(std::in_place, line, wakes[0]);
  std::optional<Line::Place> second(std::in_place, line, wakes[1]);
  std::optional<Line::Place> third(std::in_place, line, wakes[2]);
  for (std::size_t n = 0; n < 3; ++n) wait(n);
  second.reset();
  run();
  EXPECT_TRUE(woken.empty()) << "there is no room";
  line.open();
  run();
  EXPECT_EQ(woken, (std::vector<std::size_t>{0}));
  first.reset();
  run();
  EXPECT_EQ(woken, (std::vector<std::size_t>{0, 2}));
}

}  // namespace
}  // namespace stele::daemon
