// callback_result: lets a coroutine wait for a value that a callback brings on another executor.
//
// Thread safety: the callback may be called from any thread, once; the coroutine resumes on its own
// executor. If the callback is dropped uncalled, the coroutine ends there.
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

namespace stele::daemon {

// start is given the callback and hands it on.
template <class T>
boost::asio::awaitable<T> callback_result(std::function<void(std::function<void(T)>)> start) {
  namespace asio = boost::asio;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(
      [&](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start([shared, executor](T value) {
          asio::post(executor,
                     [shared, value = std::move(value)]() mutable { (*shared)(std::move(value)); });
        });
      },
      asio::use_awaitable);
}

}  // namespace stele::daemon
