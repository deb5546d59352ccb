// Goal: a coroutine gets what a callback brings, from whatever thread; and a callback that is
// called, or let go, when the coroutine's context has ended reaches neither. Method: contexts that
// end while somebody still holds the callback; a coroutine with a timer and a witness of its own
// end. Under AddressSanitizer a touch of what is gone ends the test.
#include "daemon/callback_result.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <thread>

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

// A context, and in it one coroutine that waits for a number.
struct WaitingContext {
  WaitingContext() {
    asio::co_spawn(*context, wait(), asio::detached);
    context->poll();
    context->restart();
  }
  asio::awaitable<void> wait() {
    const auto held = alive;
    asio::steady_timer timer(*context);  // reaches into the context when it goes
    came = co_await callback_result<int>(
        [this](std::function<void(int)> done) { callback = std::move(done); });
  }

  std::shared_ptr<int> alive = std::make_shared<int>(0);
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
  std::function<void(int)> callback;
  std::optional<int> came;
};

TEST(CallbackResult, ComesToTheCoroutineFromAnotherThread) {
  WaitingContext one;
  ASSERT_TRUE(one.callback);
  std::thread([&] { one.callback(7); }).join();
  EXPECT_FALSE(one.came) << "it resumes on its own executor";
  one.context->run();
  EXPECT_EQ(one.came, 7);
  EXPECT_EQ(one.alive.use_count(), 1);
  one.callback = nullptr;
}

TEST(CallbackResult, ComesAlsoWhereTheCallbackIsCalledAtOnce) {
  asio::io_context context(1);
  int came = 0;
  asio::co_spawn(
      context,
      [&came]() -> asio::awaitable<void> {
        came = co_await callback_result<int>([](std::function<void(int)> done) { done(3); });
      },
      asio::detached);
  context.run();
  EXPECT_EQ(came, 3);
}

TEST(CallbackResult, LetGoUncalledTheCoroutineEndsOnItsOwnExecutor) {
  WaitingContext one;
  std::thread([&] { one.callback = nullptr; }).join();
  EXPECT_EQ(one.alive.use_count(), 2);
  one.context->run();
  EXPECT_EQ(one.alive.use_count(), 1);
  EXPECT_FALSE(one.came);
}

TEST(CallbackResult, TheCoroutineGoesWithItsContextAndACallAfterThatDoesNothing) {
  WaitingContext one;
  one.context.reset();
  EXPECT_EQ(one.alive.use_count(), 1) << "the callback keeps a coroutine whose context is gone";
  std::thread([&] {
    one.callback(7);
    one.callback = nullptr;
  }).join();
  EXPECT_FALSE(one.came);
}

TEST(CallbackResult, NorDoesLettingGoAfterThat) {
  WaitingContext one;
  one.context.reset();
  std::thread([&] { one.callback = nullptr; }).join();
  EXPECT_FALSE(one.came);
}

// What was brought and not yet resumed goes with the context too.
TEST(CallbackResult, AValueOnItsWayGoesWithTheContext) {
  WaitingContext one;
  one.callback(7);
  one.context.reset();
  EXPECT_EQ(one.alive.use_count(), 1);
  one.callback = nullptr;
  EXPECT_FALSE(one.came);
}

// A coroutine may hold the callback of another one: both end with their context.
TEST(CallbackResult, OneThatHoldsTheCallbackOfAnotherEndsWithItToo) {
  WaitingContext one;
  {
    asio::co_spawn(
        *one.context,
        [](std::function<void(int)> held) -> asio::awaitable<void> {
          (void)co_await callback_result<int>([&](std::function<void(int)>) {});
          held(1);
        }(std::move(one.callback)),
        asio::detached);
    one.callback = nullptr;
  }
  one.context.reset();
  EXPECT_EQ(one.alive.use_count(), 1);
}

}  // namespace
}  // namespace stele::daemon
