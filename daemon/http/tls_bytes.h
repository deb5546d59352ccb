// The part of a byte stream that is the same at both ends of TLS; its two ends are tls_stream.h and
// outward/tls_client.h.
//
// Thread safety and errors: as ByteStream.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "daemon/http/byte_stream.h"

namespace stele::daemon {

class TlsBytes : public ByteStream {
 public:
  // owner: of the context; outlives the stream.
  TlsBytes(AnySocket socket, boost::asio::ssl::context& context,
           std::shared_ptr<const void> owner)
      : owner_(std::move(owner)), stream_(std::move(socket), context) {}
  awaitable<std::pair<Error, std::size_t>> read_some(boost::asio::mutable_buffer into) override {
    const auto [error, count] = co_await stream_.async_read_some(
        into, boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return std::pair(error, count);
  }
  awaitable<Error> write(boost::asio::const_buffer bytes) override {
    const auto [error, count] = co_await boost::asio::async_write(
        stream_, bytes, boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return error;
  }
  void cancel() override {
    Error ignored;
    stream_.lowest_layer().cancel(ignored);
  }
  void close() override {
    Error ignored;
    stream_.lowest_layer().close(ignored);
  }

 protected:
  awaitable<Error> handshake(boost::asio::ssl::stream_base::handshake_type side) {
    const auto [error] = co_await stream_.async_handshake(
        side, boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return error;
  }

  const std::shared_ptr<const void> owner_;
  boost::asio::ssl::stream<AnySocket> stream_;
};

}  // namespace stele::daemon
