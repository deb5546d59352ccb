// Watches the room on the data directory's disk, once a second, and says when it is low.
//
// Low is below limits.disk_low_bytes; over, an eighth more, so that what is freed by a hair does
// not flap. Thread safety: the executor's one thread, on which the hooks are called as well; the
// first look is the constructor's. Blocks: for a look at the file system. Errors: what cannot be
// looked at is not low.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "daemon/config.h"

namespace stele::daemon {

class DiskWatch {
 public:
  struct Hooks {
    std::function<void(bool low)> looked;          // after every look
    // The content of a note record; false: no room for it now, it is asked again.
    std::function<bool(std::string note)> note;
    std::function<void(std::string reason)> halt;  // [on] disk_low says so
  };
  DiskWatch(const Config& config, const boost::asio::any_io_executor& executor, Hooks hooks);
  void look();

 private:
  void wait();
  void begins(std::uint64_t free_bytes);
  void ends();

  const Config& config_;
  Hooks hooks_;
  boost::asio::steady_timer timer_;
  std::int64_t low_since_ns_ = 0;  // 0: it is not
  std::deque<std::string> notes_;  // that the log does not have yet
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace stele::daemon
