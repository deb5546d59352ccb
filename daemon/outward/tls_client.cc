#include "daemon/outward/tls_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "daemon/config.h"
#include "daemon/tls_context.h"

namespace stele::daemon {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

struct TlsClient::Context {
  ssl::context ssl{ssl::context::tls_client};
};

namespace {

class ClientStream : public ByteStream {
 public:
  ClientStream(AnySocket socket, ssl::context& context, const std::string& host)
      : stream_(std::move(socket), context) {
    boost::system::error_code is_name;
    asio::ip::make_address(host, is_name);
    // SNI carries names only.
    if (is_name) SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
    stream_.set_verify_callback(ssl::host_name_verification(host));
  }
  awaitable<Error> begin() override {
    const auto [error] = co_await stream_.async_handshake(ssl::stream_base::client,
                                                          asio::as_tuple(asio::use_awaitable));
    co_return error;
  }
  awaitable<std::pair<Error, std::size_t>> read_some(asio::mutable_buffer into) override {
    const auto [error, count] =
        co_await stream_.async_read_some(into, asio::as_tuple(asio::use_awaitable));
    co_return std::pair(error, count);
  }
  awaitable<Error> write(asio::const_buffer bytes) override {
    const auto [error, count] =
        co_await asio::async_write(stream_, bytes, asio::as_tuple(asio::use_awaitable));
    co_return error;
  }
  awaitable<void> end_writing() override {
    co_await stream_.async_shutdown(asio::as_tuple(asio::use_awaitable));
  }
  void cancel() override {
    Error ignored;
    stream_.lowest_layer().cancel(ignored);
  }
  void close() override {
    Error ignored;
    stream_.lowest_layer().close(ignored);
  }
  std::shared_ptr<const Caller> caller() const override { return nullptr; }

 private:
  ssl::stream<AnySocket> stream_;
};

}  // namespace

TlsClient::TlsClient(const ClientTls& files, const std::string& table)
    : context_(std::make_shared<Context>()) {
  ssl::context& context = context_->ssl;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                      ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  context.set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); });
  boost::system::error_code failed;
  const auto check = [&](const char* key, const std::string& path) {
    if (!failed) return;
    throw ConfigError(table + "." + key + ": " + path + " cannot be used: " + failed.message() +
                      "; it must be readable PEM of the right kind");
  };
  if (files.ca.empty()) {
    context.set_default_verify_paths(failed);
  } else {
    context.load_verify_file(resolve_credential(files.ca), failed);
  }
  check("ca", files.ca);
  if (!files.certificate.empty()) {
    context.use_certificate_chain_file(resolve_credential(files.certificate), failed);
    check("certificate", files.certificate);
    context.use_private_key_file(resolve_credential(files.key), ssl::context::pem, failed);
    check("certificate_key", files.key);
  }
  context.set_verify_mode(ssl::verify_peer);
}

TlsClient::~TlsClient() = default;

std::unique_ptr<ByteStream> TlsClient::over(AnySocket socket, const std::string& host) const {
  return std::make_unique<ClientStream>(std::move(socket), context_->ssl, host);
}

}  // namespace stele::daemon
