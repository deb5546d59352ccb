// Signal: lets any number of coroutines of one executor wait for a change, each up to its own
// deadline.
//
// Use: while (!condition) if (!co_await signal.wait_until(deadline)) break; and notify() after
// every change. On one thread a change cannot slip in between the look and the wait. Thread safety:
// one executor on one thread. The signal must outlive its waiters.
#pragma once

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <vector>

namespace stele::daemon {

class Signal {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // False: the deadline came first.
  boost::asio::awaitable<bool> wait_until(Time deadline) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, deadline);
    waiting_.push_back(&timer);
    const auto [cancelled] =
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &timer));
    co_return static_cast<bool>(cancelled);
  }
  void notify() {
    for (boost::asio::steady_timer* timer : waiting_) timer->cancel();
  }

 private:
  std::vector<boost::asio::steady_timer*> waiting_;
};

}  // namespace stele::daemon
