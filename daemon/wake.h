// Wake: lets coroutines of one executor wait until something they look at has changed.
//
// Use: while (!condition) co_await wake.wait(); and notify() after every change. On one thread a
// change cannot slip in between the look and the wait.
// Thread safety: one executor on one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stele::daemon {

class Wake {
 public:
  explicit Wake(const boost::asio::any_io_executor& executor)
      : timer_(executor, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::awaitable<void> wait();
  void notify() { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace stele::daemon
