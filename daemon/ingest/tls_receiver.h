// What a connection receives over TLS: OpenSSL straight over its socket, as the server.
//
//   socket ══ recv ══▶ OpenSSL's record, released when it is empty ══ SSL_read ══▶ ReadBuffer
//
// A session that is silent has no buffer anywhere: neither here, nor in OpenSSL, nor between them.
// Waits for the socket, then decrypts what is there until the space for it is full; after
// kMoreThanSpace bytes beyond that it lets others go on, whatever it was that came. An end is told
// from a truncation by its close_notify: without one it is stream_truncated, never eof. Texts of
// errors are those of Asio's own stream: categories of boost/asio/ssl/error.hpp and the system's.
// Thread safety: one executor on one thread. Errors: in what is returned; the constructor throws
// std::bad_alloc, or system_error where OpenSSL has no session to give.
// Trust: whoever the context lets in (tls_context.h); before the handshake's end nobody.
// See: RFC 8446, 6.1 (closure alerts), 4.6.3 (key updates); RFC 5425, 4.4.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <memory>

#include "daemon/ingest/plain_receiver.h"

namespace stele::daemon {

// Of what the socket has, at once, beyond the space for it: the overhead of records and the rest of
// the last one. Key updates and empty records take no space, and would otherwise never end.
constexpr std::size_t kMoreThanSpace = 32u << 10;
// In a handshake, at once: its longest message (a chain of certificates, 100 KiB) takes four looks.
constexpr std::size_t kHandshakeAtOnce = 32u << 10;

class TlsReceiver {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Error = boost::system::error_code;

  TlsReceiver(Socket socket, std::shared_ptr<boost::asio::ssl::context> context);
  ~TlsReceiver();
  TlsReceiver(TlsReceiver&&) noexcept;
  TlsReceiver& operator=(TlsReceiver&&) = delete;

  Socket& socket();
  const Socket& socket() const;
  SSL* native_handle();

  // Once, before all else. operation_aborted: the socket was closed.
  boost::asio::awaitable<Error> handshake();
  // As PlainReceiver::receive().
  boost::asio::awaitable<Received> receive(ReadBuffer& buffer);
  // Our close_notify, if the socket takes it at once.
  void say_farewell();

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace stele::daemon
