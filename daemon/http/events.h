// POST /v1/events: a request's events become one batch, durable whole or not at all; the reply says
// where they are.
//
// A key's request is taken once: a second one waits for the first, or is told what came of it.
// Thread safety: one executor on one thread; sealed() and the counters from any.
// Errors: problems; whatever was submitted becomes durable even if its client is gone.
// See: README.md, "POST /v1/events".
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>

#include "daemon/config.h"
#include "daemon/http/body.h"
#include "daemon/http/message.h"
#include "daemon/http/recent_keys.h"
#include "daemon/http/signal.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

class EventIntake : public std::enable_shared_from_this<EventIntake> {
 public:
  EventIntake(const Config& config, boost::asio::any_io_executor executor, Sequencer& sequencer);
  boost::asio::awaitable<HttpReply> take(HttpRequest& request);
  void sealed(std::uint64_t size);

  std::atomic<std::uint64_t> events{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> repeated{0};  // requests that were known by their key

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  using Time = Signal::Time;

  // One request's way to its place; shared with those that repeat it.
  struct Taking {
    std::optional<IdempotentRequest> id;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool placed = false;
    std::optional<HttpReply> failed;  // not taken: what every one of them is told
    Signal changed;
  };
  struct Understood {
    bool wait_sealed = false;
    std::optional<IdempotentRequest> id;
    BodyEvents found;
  };
  std::optional<HttpReply> understand(HttpRequest& request, Understood& out) const;
  std::optional<HttpReply> understand_body(HttpRequest& request, Understood& out, bool lines) const;
  std::shared_ptr<Taking> known(const IdempotentRequest& id) const;
  awaitable<void> submit(HttpRequest& request, const Understood& understood,
                         std::shared_ptr<Taking> taking);
  Batch make_batch(HttpRequest& request, const Understood& understood) const;
  bool hand_on(Batch& batch);  // false: untouched, room_ tells when to try again
  void placed(const std::shared_ptr<Taking>& taking, std::uint64_t first, std::int64_t time_ns);
  void give_up(const std::shared_ptr<Taking>& taking, HttpReply reply);
  awaitable<HttpReply> answer(std::shared_ptr<Taking> taking, const Understood& understood,
                              bool again);

  const Config& config_;
  boost::asio::any_io_executor executor_;
  Sequencer& sequencer_;
  RecentKeys recent_;
  std::map<attest::Hash, std::shared_ptr<Taking>> under_way_;
  std::uint64_t sealed_size_ = 0;
  Signal sealed_changed_;
  Signal room_;
  bool stands_in_line_ = false;  // for room in the sequencer's queue
};

}  // namespace stele::daemon
