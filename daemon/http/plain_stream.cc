#include "daemon/http/plain_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace stele::daemon {

namespace asio = boost::asio;

asio::awaitable<ByteStream::Error> PlainStream::begin() {
  co_return Error{};
}

asio::awaitable<std::pair<ByteStream::Error, std::size_t>> PlainStream::read_some(
    asio::mutable_buffer into) {
  const auto [error, count] =
      co_await socket_.async_read_some(into, asio::as_tuple(asio::use_awaitable));
  co_return std::pair(error, count);
}

asio::awaitable<ByteStream::Error> PlainStream::write(asio::const_buffer bytes) {
  const auto [error, count] =
      co_await asio::async_write(socket_, bytes, asio::as_tuple(asio::use_awaitable));
  co_return error;
}

asio::awaitable<void> PlainStream::end_writing() {
  Error ignored;
  socket_.shutdown(AnySocket::shutdown_send, ignored);
  co_return;
}

void PlainStream::cancel() {
  Error ignored;
  socket_.cancel(ignored);
}

void PlainStream::close() {
  Error ignored;
  socket_.close(ignored);
}

}  // namespace stele::daemon
