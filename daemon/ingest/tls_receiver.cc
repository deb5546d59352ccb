#include "daemon/ingest/tls_receiver.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <climits>
#include <new>
#include <utility>

namespace stele::daemon {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

struct TlsReceiver::Session {
  Session(Socket socket_, std::shared_ptr<ssl::context> context_);

  // Returns when there is something to do: for what the session waited, behind all others.
  asio::awaitable<void> await_turn();
  // What is there, of at most the space; 0: nothing, or `end`.
  std::size_t decrypt(asio::mutable_buffer space);
  // would_block: it waits for the socket, or for its next turn.
  Error outcome_of(int result);
  void begin_turn(std::size_t at_most);
  void read_out();

  // The session's side of the socket (BIO_meth_new(3)).
  static BIO_METHOD* method();
  static int bio_read(BIO* bio, char* to, int size);
  static int bio_write(BIO* bio, const char* from, int size);
  static long bio_ctrl(BIO*, int command, long, void*);

  struct Free {
    void operator()(SSL* one) const { ::SSL_free(one); }
  };

  Socket socket;
  const std::shared_ptr<ssl::context> context;  // whose callback judges names
  std::unique_ptr<SSL, Free> openssl;
  std::size_t allowance = 0;    // of the socket's bytes in this turn
  bool drained = true;          // the socket had nothing more
  bool waits_to_write = false;  // our own words, a key update's, find no room
  Error transport;              // what the socket said at last
  Error end;                    // of the session: nothing follows
};

TlsReceiver::Session::Session(Socket socket_, std::shared_ptr<ssl::context> context_)
    : socket(std::move(socket_)),
      context(std::move(context_)),
      openssl(::SSL_new(context->native_handle())) {
  socket.non_blocking(true);
  BIO* const bio = openssl ? ::BIO_new(method()) : nullptr;
  if (bio == nullptr) {
    throw boost::system::system_error(
        Error(static_cast<int>(::ERR_get_error()), asio::error::get_ssl_category()));
  }
  ::BIO_set_data(bio, this);
  ::SSL_set_bio(openssl.get(), bio, bio);  // owns it
  // A record in one call of the kernel instead of two; what is read ahead lies in a buffer that is
  // let go of with the record.
  ::SSL_set_read_ahead(openssl.get(), 1);
  ::SSL_set_mode(openssl.get(), SSL_MODE_RELEASE_BUFFERS);
}

asio::awaitable<void> TlsReceiver::Session::await_turn() {
  if (std::exchange(waits_to_write, false)) {
    co_await socket.async_wait(Socket::wait_write, asio::as_tuple(asio::use_awaitable));
  } else if (drained) {
    co_await socket.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
  } else {
    co_await asio::post(socket.get_executor(), asio::use_awaitable);
  }
}

void TlsReceiver::Session::begin_turn(std::size_t at_most) {
  allowance = at_most;
  drained = false;
}

std::size_t TlsReceiver::Session::decrypt(asio::mutable_buffer space) {
  std::size_t count = 0;
  begin_turn(space.size() + kMoreThanSpace);
  while (count < space.size()) {
    const asio::mutable_buffer left = space + count;
    ::ERR_clear_error();
    const int result = ::SSL_read(openssl.get(), left.data(),
                                  static_cast<int>(std::min<std::size_t>(left.size(), INT_MAX)));
    if (result > 0) {
      count += static_cast<std::size_t>(result);
      continue;
    }
    const Error why = outcome_of(result);
    if (why != asio::error::would_block) end = why;
    break;
  }
  return count;
}

// As Asio's own stream has it, so that the daemon's log says the same.
TlsReceiver::Error TlsReceiver::Session::outcome_of(int result) {
  const int why = ::SSL_get_error(openssl.get(), result);
  const int first = static_cast<int>(::ERR_get_error());
  switch (why) {
    case SSL_ERROR_NONE:
      return {};
    case SSL_ERROR_WANT_READ:
      return asio::error::would_block;
    case SSL_ERROR_WANT_WRITE:
      waits_to_write = true;
      return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return asio::error::eof;
    case SSL_ERROR_SSL:
      return {first, asio::error::get_ssl_category()};
    case SSL_ERROR_SYSCALL:
      if (first != 0) return {first, asio::error::get_ssl_category()};
      if (transport == asio::error::eof) return ssl::error::stream_truncated;
      return transport ? transport : Error(ssl::error::unspecified_system_error);
    default:
      return ssl::error::unexpected_result;
  }
}

// With something unread in it, closing the socket would reset it, and our last alert be lost.
void TlsReceiver::Session::read_out() {
  std::array<char, 4096> nobodys;
  Error over;
  for (std::size_t read = 0; !over && read < kHandshakeAtOnce;) {
    read += socket.read_some(asio::buffer(nobodys), over);
  }
}

BIO_METHOD* TlsReceiver::Session::method() {
  struct FreeMethod {
    void operator()(BIO_METHOD* one) const { ::BIO_meth_free(one); }
  };
  static const std::unique_ptr<BIO_METHOD, FreeMethod> made = [] {
    std::unique_ptr<BIO_METHOD, FreeMethod> one(
        ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a sender's socket"));
    if (!one || ::BIO_meth_set_read(one.get(), &bio_read) != 1 ||
        ::BIO_meth_set_write(one.get(), &bio_write) != 1 ||
        ::BIO_meth_set_ctrl(one.get(), &bio_ctrl) != 1) {
      throw std::bad_alloc();
    }
    return one;
  }();
  return made.get();
}

// Beyond the turn's allowance the socket is as if it had nothing; only it has not been drained.
int TlsReceiver::Session::bio_read(BIO* bio, char* to, int size) {
  Session& session = *static_cast<Session*>(::BIO_get_data(bio));
  const std::size_t most = std::min(static_cast<std::size_t>(size), session.allowance);
  Error error = asio::error::would_block;
  std::size_t count = 0;
  if (most > 0) {
    count = session.socket.read_some(asio::buffer(to, most), error);
    session.drained = error == asio::error::would_block;
  }
  session.allowance -= count;
  BIO_clear_retry_flags(bio);
  if (!error) return static_cast<int>(count);
  if (error == asio::error::would_block) {
    BIO_set_retry_read(bio);
  } else {
    session.transport = error;  // an end without a close_notify is none that OpenSSL is told of
  }
  return -1;
}

int TlsReceiver::Session::bio_write(BIO* bio, const char* from, int size) {
  Session& session = *static_cast<Session*>(::BIO_get_data(bio));
  Error error;
  const std::size_t count =
      session.socket.write_some(asio::buffer(from, static_cast<std::size_t>(size)), error);
  BIO_clear_retry_flags(bio);
  if (!error) return static_cast<int>(count);
  if (error == asio::error::would_block) {
    BIO_set_retry_write(bio);
  } else {
    session.transport = error;
  }
  return -1;
}

long TlsReceiver::Session::bio_ctrl(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

TlsReceiver::TlsReceiver(Socket socket, std::shared_ptr<ssl::context> context)
    : session_(std::make_unique<Session>(std::move(socket), std::move(context))) {}
TlsReceiver::~TlsReceiver() = default;
TlsReceiver::TlsReceiver(TlsReceiver&&) noexcept = default;

TlsReceiver::Socket& TlsReceiver::socket() {
  return session_->socket;
}

const TlsReceiver::Socket& TlsReceiver::socket() const {
  return session_->socket;
}

SSL* TlsReceiver::native_handle() {
  return session_->openssl.get();
}

asio::awaitable<TlsReceiver::Error> TlsReceiver::handshake() {
  Session& session = *session_;
  Error outcome = asio::error::would_block;
  while (outcome == asio::error::would_block) {
    co_await session.await_turn();
    if (!session.socket.is_open()) co_return asio::error::operation_aborted;
    session.begin_turn(kHandshakeAtOnce);
    ::ERR_clear_error();
    outcome = session.outcome_of(::SSL_accept(session.openssl.get()));
  }
  if (outcome) session.read_out();
  session.drained = false;  // events may have come with its last message
  co_return outcome;
}

asio::awaitable<Received> TlsReceiver::receive(ReadBuffer& buffer) {
  Session& session = *session_;
  while (!session.end) {
    co_await session.await_turn();
    if (!session.socket.is_open()) co_return Received{asio::error::operation_aborted, 0};
    const std::size_t count = session.decrypt(buffer.space());
    buffer.received(count);
    if (count > 0) co_return Received{{}, count};  // an end behind it is told the next time
    buffer.settle();
  }
  co_return Received{session.end, 0};
}

void TlsReceiver::say_farewell() {
  ::ERR_clear_error();
  ::SSL_shutdown(session_->openssl.get());
}

}  // namespace stele::daemon
