// A byte stream to one client: a plain socket or TLS over one, and who the client is.
//
// Thread safety: one executor on one thread; at most one read and one write at a time. Errors: as
// error codes; after cancel() what is under way ends with operation_aborted.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <utility>

#include "daemon/http/message.h"

namespace stele::daemon {

using AnySocket = boost::asio::generic::stream_protocol::socket;  // TCP or Unix

class ByteStream {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  using Error = boost::system::error_code;

  virtual ~ByteStream() = default;
  // Before anything else; then caller() is known.
  virtual awaitable<Error> begin() = 0;
  virtual awaitable<std::pair<Error, std::size_t>> read_some(boost::asio::mutable_buffer into) = 0;
  virtual awaitable<Error> write(boost::asio::const_buffer bytes) = 0;  // all of them
  virtual awaitable<void> end_writing() = 0;  // the client sees that no more will come
  virtual void cancel() = 0;
  virtual void close() = 0;
  virtual std::shared_ptr<const Caller> caller() const = 0;
};

}  // namespace stele::daemon
