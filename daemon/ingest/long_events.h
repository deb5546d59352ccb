// Turns for long events: a connection of which one event is longer than kOwnReadBytes keeps it in a
// buffer of its own until the event is whole and the queue has taken it. There are as many turns as
// limits.unfinished_bytes has room for the longest events; who finds none free waits for one and is
// not read meanwhile: back-pressure, no loss.
//
// Whoever has a turn and is silent while others wait for one may lose it: `relieve` ends him. One
// sender (an address, a user) with at least two more turns than who waits is given kBriefPause, any
// other limits.evict_after: so who hoards turns keeps nobody from his, and an honest sender has time
// enough. A turn whose event waits for the queue is never taken away: the queue will come to it.
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
#include <map>
#include <memory>
#include <string>

#include "daemon/config.h"

namespace stele::daemon {

constexpr std::chrono::milliseconds kLongEventLook{250};  // for who is silent, while one waits
constexpr std::chrono::milliseconds kBriefPause{250};
// Of a buffer beyond the longest event: its count, and the beginning of what follows.
constexpr std::size_t kLongEventSlack = 16u << 10;

class LongEvents : public std::enable_shared_from_this<LongEvents> {
 public:
  using Turn = std::shared_ptr<const void>;  // given back when it is let go of

  LongEvents(const boost::asio::any_io_executor& executor, const Config& config);
  // Waits for a turn of this sender. Empty: `gone` holds meanwhile.
  boost::asio::awaitable<Turn> take(std::string sender, std::function<bool()> gone);
  std::uint64_t turns_of(const std::string& sender) const;
  // For how long one with a turn may be silent while the other waits.
  std::chrono::milliseconds patience(const std::string& with, const std::string& who_waits) const;
  // Ends one that has a turn and has been silent for longer than its patience, if there is one: of
  // the sender with most turns, the longest silent.
  std::function<void(const std::string& who_waits)> relieve = [](const std::string&) {};

 private:
  struct Waiting;
  void give_back(const std::string& sender);
  void wake_first();

  const boost::asio::any_io_executor executor_;
  const std::uint64_t turns_;
  const std::chrono::milliseconds evict_after_;
  std::uint64_t taken_ = 0;
  std::map<std::string, std::uint64_t> taken_by_;
  std::list<boost::asio::steady_timer> waiting_;  // the first to come first
};

}  // namespace stele::daemon
