// Turns for long events: a connection of which one event is longer than a read keeps it in a buffer
// of its own until the event is whole and the queue has taken it. There are as many turns as
// limits.unfinished_bytes has room for the longest events; who finds none free waits for one and is
// not read meanwhile: back-pressure, no loss.
//
// Whoever has a turn and has been silent for limits.evict_after while others wait for one loses it:
// `relieve` ends him. A turn whose event waits for the queue is never taken away: the queue will
// come to it.
// Thread safety: one executor on one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>

namespace stele::daemon {

constexpr std::chrono::milliseconds kLongEventLook{250};  // whether somebody is silent, while one waits
// Of a buffer beyond the longest event: its count, and the beginning of what follows.
constexpr std::size_t kLongEventSlack = 16u << 10;

class LongEvents : public std::enable_shared_from_this<LongEvents> {
 public:
  using Turn = std::shared_ptr<const void>;  // given back when it is let go of

  LongEvents(const boost::asio::any_io_executor& executor, std::uint64_t limit_bytes,
             std::uint32_t max_event_bytes);
  // Waits for a turn. Empty: `gone` holds meanwhile.
  boost::asio::awaitable<Turn> take(std::function<bool()> gone);
  // Ends the connection with a turn that has been silent for longest, if for limits.evict_after.
  std::function<void()> relieve = [] {};

 private:
  struct Waiting;
  void give_back();
  void wake_first();

  const boost::asio::any_io_executor executor_;
  const std::uint64_t turns_;
  std::uint64_t taken_ = 0;
  std::list<boost::asio::steady_timer> waiting_;  // the first to come first
};

}  // namespace stele::daemon
