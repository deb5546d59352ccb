// The finder: answers which records match a query: through the look-up, fed behind the log, or by a
// scan.
//
// Feeding goes in slices on the executor given, between the answers to control requests, and behind
// bursts (feed_pace.h). A look-up that fails is left alone until the next start: answers are the
// same, only slower. Thread safety: durable() and behind() from any thread; the rest on the
// executor's one thread.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "daemon/config.h"
#include "daemon/feed_pace.h"
#include "storage/look_up.h"

namespace stele::daemon {

class Finder : public std::enable_shared_from_this<Finder> {
 public:
  Finder(const Config& config, boost::asio::any_io_executor executor, const storage::Store& store);
  void durable();  // the store has grown: feed what is new, soon
  storage::Found find(const storage::Query& query) const;
  // Records that are not in the look-up yet; nothing: there is no look-up.
  std::optional<std::uint64_t> behind() const;
  void flush();  // at the end

 private:
  void feed();
  void look_again();  // after a pause
  void give_up(const char* what);

  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer timer_;
  const storage::Store& store_;
  storage::TermReader reader_;
  std::unique_ptr<storage::LookUp> look_up_;
  FeedPace pace_;
  std::atomic<bool> waiting_{false};  // a feed() is posted, or will be after a pause
  std::atomic<bool> in_use_{false};   // there is a look-up
  std::atomic<std::uint64_t> fed_{0};
};

}  // namespace stele::daemon
