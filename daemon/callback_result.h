// callback_result: lets a coroutine wait for a value that a callback brings on another executor.
//
// Thread safety: the callback may be called from any thread, once, and dropped on any, even when
// the coroutine's context is gone: then nothing happens. The coroutine resumes on its own executor.
// If the callback is dropped uncalled, the coroutine ends there.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "daemon/arrivals.h"

namespace stele::daemon {

// What a callback holds of the coroutine that waits for it: its number at the door.
template <class T, class Handler>
class Ticket {
 public:
  Ticket(const boost::asio::any_io_executor& executor, Handler handler)
      : door_(boost::asio::use_service<Arrivals>(
                  boost::asio::query(executor, boost::asio::execution::context))
                  .door()),
        number_(door_->wait(std::make_unique<Waiting>(executor, std::move(handler)))) {}
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  // Where nothing was brought the coroutine ends, on its own executor too.
  ~Ticket() {
    resume([](Handler&) {});
  }
  void bring(T value) {
    resume([value = std::move(value)](Handler& handler) mutable {
      std::move(handler)(std::move(value));
    });
  }

 private:
  struct Waiting : Arrivals::Awaited {
    Waiting(const boost::asio::any_io_executor& executor_, Handler handler_)
        : executor(executor_), handler(std::move(handler_)) {}
    boost::asio::any_io_executor executor;
    Handler handler;
  };
  template <class With>
  void resume(With with) {
    door_->give(number_, [&](Arrivals::Awaited& one) {
      auto& waiting = static_cast<Waiting&>(one);
      boost::asio::post(waiting.executor, [handler = std::move(waiting.handler),
                                           with = std::move(with)]() mutable { with(handler); });
    });
  }

  const std::shared_ptr<Arrivals::Door> door_;
  const std::uint64_t number_;
};

// start is given the callback and hands it on.
template <class T>
boost::asio::awaitable<T> callback_result(std::function<void(std::function<void(T)>)> start) {
  namespace asio = boost::asio;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(
      [&](auto handler) {
        using Held = Ticket<T, decltype(handler)>;
        const auto ticket = std::make_shared<Held>(executor, std::move(handler));
        start([ticket](T value) { ticket->bring(std::move(value)); });
      },
      asio::use_awaitable);
}

}  // namespace stele::daemon
