#include "tools/stele/http_wire.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <optional>

#include "tools/stele/command.h"

namespace stele::tools {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using AnySocket = asio::generic::stream_protocol::socket;
using Error = boost::system::error_code;

std::string name_of(const HttpUrl& url) {
  return url.is_unix ? url.host : url.authority();
}

ssl::context make_context(const TlsClientFiles& files) {
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_3_VERSION);
  context.set_verify_mode(ssl::verify_peer);
  // No question on a terminal: a key with a passphrase is refused with its file's name.
  context.set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); });
  const auto load = [](const std::string& file, auto&& how) {
    Error failed;
    if (!file.empty()) how(failed);
    if (failed) {
      throw CommandError(kConfiguration, file + " cannot be used: " + failed.message() +
                                             "; it must be readable PEM of the right kind");
    }
  };
  if (files.cacert.empty()) context.set_default_verify_paths();
  load(files.cacert, [&](Error& failed) { context.load_verify_file(files.cacert, failed); });
  load(files.certificate,
       [&](Error& failed) { context.use_certificate_chain_file(files.certificate, failed); });
  load(files.key,
       [&](Error& failed) { context.use_private_key_file(files.key, ssl::context::pem, failed); });
  return context;
}

}  // namespace

struct HttpWire::State {
  using Clock = std::chrono::steady_clock;
  State(const HttpUrl& url_, std::chrono::milliseconds timeout, std::function<bool()> cancelled_)
      : url(url_), deadline(Clock::now() + timeout), cancelled(std::move(cancelled_)) {}

  // Runs what `start` begins, which sets `done` when it ends.
  template <class Start>
  void run(const char* what, Start&& start);
  void connect();
  void shake_hands(const TlsClientFiles& files);
  [[noreturn]] void fail(const std::string& what, const Error& error) const {
    const bool forbidden = error == boost::system::errc::permission_denied;
    throw CommandError(forbidden ? kPermission : kUnavailable,
                       name_of(url) + ": " + what + ": " + error.message());
  }

  const HttpUrl url;
  const Clock::time_point deadline;
  const std::function<bool()> cancelled;
  asio::io_context context{1};
  AnySocket socket{context};
  std::optional<ssl::context> authorities;
  std::optional<ssl::stream<AnySocket&>> tls;
  bool done = false;
};

template <class Start>
void HttpWire::State::run(const char* what, Start&& start) {
  using namespace std::chrono_literals;
  done = false;
  context.restart();
  start();
  while (!done) {
    if (cancelled && cancelled()) throw CommandError(kTemporary, "ended before the answer came");
    if (Clock::now() >= deadline) {
      throw CommandError(kUnavailable, name_of(url) + ": " + what + ": out of time");
    }
    context.run_one_until(std::min(deadline, Clock::now() + 100ms));
  }
}

void HttpWire::State::connect() {
  Error error;
  if (url.is_unix) {
    run("connect", [&] {
      try {
        const asio::local::stream_protocol::endpoint endpoint(url.host);
        socket.async_connect(AnySocket::endpoint_type(endpoint), [&](Error result) {
          error = result;
          done = true;
        });
      } catch (const boost::system::system_error& too_long) {
        fail("connect", too_long.code());
      }
    });
    if (error) fail("connect", error);
    return;
  }
  tcp::resolver resolver(context);
  tcp::resolver::results_type found;
  run("resolve", [&] {
    resolver.async_resolve(url.host, url.port, [&](Error result, tcp::resolver::results_type all) {
      error = result;
      found = std::move(all);
      done = true;
    });
  });
  if (error) fail("resolve", error);
  tcp::socket connected(context);
  run("connect", [&] {
    asio::async_connect(connected, found, [&](Error result, const tcp::endpoint&) {
      error = result;
      done = true;
    });
  });
  if (error) fail("connect", error);
  connected.set_option(tcp::no_delay(true), error);
  socket = std::move(connected);
}

void HttpWire::State::shake_hands(const TlsClientFiles& files) {
  authorities.emplace(make_context(files));
  tls.emplace(socket, *authorities);
  Error not_numeric;
  asio::ip::make_address(url.host, not_numeric);
  if (not_numeric) SSL_set_tlsext_host_name(tls->native_handle(), url.host.c_str());
  tls->set_verify_callback(ssl::host_name_verification(url.host));
  Error error;
  run("TLS handshake", [&] {
    tls->async_handshake(ssl::stream_base::client, [&](Error result) {
      error = result;
      done = true;
    });
  });
  if (error) fail("TLS handshake", error);
}

HttpWire::HttpWire(const HttpUrl& url, const TlsClientFiles& files,
                   std::chrono::milliseconds timeout, std::function<bool()> cancelled)
    : state_(std::make_unique<State>(url, timeout, std::move(cancelled))) {
  state_->connect();
  if (url.tls) state_->shake_hands(files);
}

HttpWire::~HttpWire() = default;

void HttpWire::write(std::string_view bytes) {
  const auto ended = [this](Error, std::size_t) { state_->done = true; };
  state_->run("write", [&] {
    const auto buffer = asio::buffer(bytes.data(), bytes.size());
    if (state_->tls) {
      asio::async_write(*state_->tls, buffer, ended);
    } else {
      asio::async_write(state_->socket, buffer, ended);
    }
  });
}

std::size_t HttpWire::read_some(char* into, std::size_t most) {
  Error error;
  std::size_t count = 0;
  const auto ended = [&](Error result, std::size_t got) {
    error = result;
    count = got;
    state_->done = true;
  };
  state_->run("read", [&] {
    if (state_->tls) {
      state_->tls->async_read_some(asio::buffer(into, most), ended);
    } else {
      state_->socket.async_read_some(asio::buffer(into, most), ended);
    }
  });
  // An end without TLS's own farewell: the length in the header says whether anything is missing.
  if (error == asio::error::eof || error == ssl::error::stream_truncated) return 0;
  if (error) state_->fail("read", error);
  return count;
}

}  // namespace stele::tools
