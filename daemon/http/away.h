// away: lets a coroutine have something read on another executor, so that nobody waits meanwhile.
//
// Thread safety: `work` runs on the executor given, the coroutine goes on on its own. Errors: what
// `work` throws is thrown to the coroutine.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace stele::daemon {

// Result has a default value. `work` is a variable of the caller's: g++ 12 destroys a temporary
// that is given to an awaited coroutine twice.
template <class Result>
boost::asio::awaitable<Result> away(const boost::asio::any_io_executor& executor,
                                    std::function<Result()>& work) {
  const auto shared = std::make_shared<std::function<Result()>>(std::move(work));
  auto run = [shared]() -> boost::asio::awaitable<Result> { co_return (*shared)(); };
  co_return co_await boost::asio::co_spawn(executor, std::move(run), boost::asio::use_awaitable);
}

}  // namespace stele::daemon
