// What a connection receives over a plain socket, Unix or TCP; over TLS: tls_receiver.h.
//
// Waits without a buffer, and reads what is there into one afterwards: who is silent holds none,
// and one large buffer goes from connection to connection. Reads once, then waits behind all others
// that have something. Thread safety: one executor on one thread. Errors: in Received; the
// constructor: system_error, not of an open socket.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <utility>

#include "daemon/ingest/read_buffer.h"

namespace stele::daemon {

// What one read brought. error: nothing follows; eof: the sender has ended in order.
struct Received {
  boost::system::error_code error;
  std::size_t count = 0;
};

template <class Socket>
class PlainReceiver {
 public:
  explicit PlainReceiver(Socket socket) : socket_(std::move(socket)) { socket_.non_blocking(true); }
  Socket& socket() { return socket_; }
  const Socket& socket() const { return socket_; }

  // Waits until something can be read, and reads it. operation_aborted: the socket was closed.
  boost::asio::awaitable<Received> receive(ReadBuffer& buffer) {
    for (;;) {
      co_await await_bytes();
      if (!socket_.is_open()) co_return Received{boost::asio::error::operation_aborted, 0};
      const auto space = buffer.space();
      Received got;
      got.count = socket_.read_some(space, got.error);
      buffer.received(got.count);
      drained_ = got.count < space.size();
      if (got.error != boost::asio::error::would_block) co_return got;
      buffer.settle();
    }
  }

 private:
  // There is no need to ask the kernel for what was left behind.
  boost::asio::awaitable<void> await_bytes() {
    if (drained_) {
      co_await socket_.async_wait(Socket::wait_read,
                                  boost::asio::as_tuple(boost::asio::use_awaitable));
    } else {
      co_await boost::asio::post(socket_.get_executor(), boost::asio::use_awaitable);
    }
  }

  Socket socket_;
  bool drained_ = true;  // all that had come was read
};

}  // namespace stele::daemon
