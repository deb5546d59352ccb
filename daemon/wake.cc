#include "daemon/wake.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stele::daemon {

boost::asio::awaitable<void> Wake::wait() {
  co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

}  // namespace stele::daemon
