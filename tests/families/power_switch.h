// Cycles a swtpm's power on a thread that lasts: a swtpm ends with the thread that started it, and
// the thread that carries a command to it is short-lived.
//
// Thread safety: cycle() from any thread. Blocks: until the swtpm listens again.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <thread>

#include "tests/support/swtpm.h"

namespace stele::test {

class PowerSwitch {
 public:
  explicit PowerSwitch(Swtpm& swtpm) : swtpm_(swtpm), thread_([this] { run(); }) {}
  ~PowerSwitch() {
    io_.stop();
    thread_.join();
  }
  void cycle(Swtpm::Power how) {
    std::packaged_task<void()> order([this, how] { swtpm_.power_cycle(how); });
    auto done = order.get_future();
    boost::asio::post(io_, std::move(order));
    done.get();
  }

 private:
  void run() {
    const auto guard = boost::asio::make_work_guard(io_);
    io_.run();
  }

  Swtpm& swtpm_;
  boost::asio::io_context io_;
  std::thread thread_;
};

}  // namespace stele::test
