#include "daemon/http/tls_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>
#include <vector>

#include "attest/certificate.h"
#include "attest/hash.h"
#include "daemon/http/tls_bytes.h"
#include "daemon/tls_context.h"

namespace stele::daemon {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

struct Tls::Context {
  explicit Context(const Config& config_);
  const Config& config;
  ssl::context ssl;
};

namespace {

// Whoever client_ca vouches for may connect; what its names may do is a matter of roles.
TlsFiles http_files(const Config& config) {
  return {"http",
          config.http_certificate,
          config.http_key,
          config.http_client_ca,
          config.http_client_crl,
          {"*"},
          "client_crl",
          true};
}

// What the configuration's lists are compared with.
std::vector<std::string> identities_of(const attest::CertificateNames& names) {
  std::vector<std::string> identities;
  const auto add = [&](const char* kind, const std::vector<std::string>& some) {
    for (const std::string& name : some) identities.push_back(kind + name);
  };
  add("CN=", names.common_names);
  add("DNS:", names.dns);
  add("URI:", names.uris);
  add("EMAIL:", names.emails);
  return identities;
}

class ServedTlsStream : public TlsBytes {
 public:
  ServedTlsStream(AnySocket socket, const std::shared_ptr<Tls::Context>& context,
                  std::string address)
      : TlsBytes(std::move(socket), context->ssl, context),
        config_(context->config),
        address_(std::move(address)) {}
  awaitable<Error> begin() override;
  awaitable<std::pair<Error, std::size_t>> read_some(asio::mutable_buffer into) override;
  awaitable<void> end_writing() override;
  std::shared_ptr<const Caller> caller() const override { return caller_; }

 private:
  void know_caller();

  bool ended_ = false;  // by us: what still comes is not for us, and only read out
  const Config& config_;
  const std::string address_;
  std::shared_ptr<const Caller> caller_;
};

asio::awaitable<ByteStream::Error> ServedTlsStream::begin() {
  const Error error = co_await handshake(ssl::stream_base::server);
  if (!error) know_caller();
  co_return error;
}

void ServedTlsStream::know_caller() {
  const std::vector<unsigned char> der = peer_certificate(stream_.native_handle());
  const auto names = attest::decode_certificate(der);
  if (!names) throw std::logic_error("a handshake without a certificate that can be read");
  auto caller = std::make_shared<Caller>();
  caller->source = boost::json::serialize(
      boost::json::object{{"address", address_},
                          {"certificate_sha256", attest::to_hex(attest::hash(der))},
                          {"subject", names->subject},
                          {"transport", "https"}});
  caller->name = "certificate:" + names->subject;
  caller->roles = roles_of_certificate(config_, identities_of(*names));
  caller_ = std::move(caller);
}

asio::awaitable<std::pair<ByteStream::Error, std::size_t>> ServedTlsStream::read_some(
    asio::mutable_buffer into) {
  if (!ended_) co_return co_await TlsBytes::read_some(into);
  const auto [error, count] =
      co_await stream_.next_layer().async_read_some(into, asio::as_tuple(asio::use_awaitable));
  co_return std::pair(error, count);
}

// close_notify, and no waiting for the other side's.
asio::awaitable<void> ServedTlsStream::end_writing() {
  ::SSL_set_quiet_shutdown(stream_.native_handle(), 0);
  ::SSL_set_shutdown(stream_.native_handle(), SSL_RECEIVED_SHUTDOWN);
  co_await stream_.async_shutdown(asio::as_tuple(asio::use_awaitable));
  ended_ = true;
  Error ignored;
  stream_.lowest_layer().shutdown(AnySocket::shutdown_send, ignored);
}

}  // namespace

Tls::Context::Context(const Config& config_)
    : config(config_), ssl(make_tls_context(http_files(config_))) {}

Tls::Tls(const Config& config) : context_(std::make_shared<Context>(config)) {}
Tls::~Tls() = default;

std::unique_ptr<ByteStream> Tls::over(AnySocket socket, const std::string& address) {
  return std::make_unique<ServedTlsStream>(std::move(socket), context_, address);
}

void check_http_files(const Config& config) {
  if (!config.http_certificate.empty()) make_tls_context(http_files(config));
}

}  // namespace stele::daemon
