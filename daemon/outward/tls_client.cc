#include "daemon/outward/tls_client.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl.hpp>

#include "daemon/config.h"
#include "daemon/http/tls_bytes.h"
#include "daemon/tls_context.h"

namespace stele::daemon {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

struct TlsClient::Context {
  ssl::context ssl{ssl::context::tls_client};
};

namespace {

class ClientStream : public TlsBytes {
 public:
  ClientStream(AnySocket socket, ssl::context& context, std::shared_ptr<const void> owner,
               const std::string& host)
      : TlsBytes(std::move(socket), context, std::move(owner)) {
    boost::system::error_code is_name;
    asio::ip::make_address(host, is_name);
    // SNI carries names only.
    if (is_name) SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
    stream_.set_verify_callback(ssl::host_name_verification(host));
  }
  awaitable<Error> begin() override { return handshake(ssl::stream_base::client); }
  awaitable<void> end_writing() override {
    co_await stream_.async_shutdown(asio::as_tuple(asio::use_awaitable));
  }
  std::shared_ptr<const Caller> caller() const override { return nullptr; }
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
  return std::make_unique<ClientStream>(std::move(socket), context_->ssl, context_, host);
}

}  // namespace stele::daemon
