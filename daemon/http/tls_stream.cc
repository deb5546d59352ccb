#include "daemon/http/tls_stream.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "attest/hash.h"

namespace stele::daemon {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

struct Tls::Context {
  explicit Context(const Config& config_) : config(config_) {}
  const Config& config;
  ssl::context ssl{ssl::context::tls_server};
};

namespace {

template <class Load>
void load(const std::string& path, const char* key, Load use) {
  boost::system::error_code failed;
  use(failed);
  if (!failed) return;
  throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                          std::string(key) + " = " + path + ": " + failed.message() +
                              "; is it a PEM file that this user may read?");
}

void load_revocations(ssl::context& context, const std::string& path) {
  X509_STORE* store = ::SSL_CTX_get_cert_store(context.native_handle());
  X509_LOOKUP* files = ::X509_STORE_add_lookup(store, ::X509_LOOKUP_file());
  if (files == nullptr || X509_load_crl_file(files, path.c_str(), X509_FILETYPE_PEM) < 1) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "http.client_crl = " + path + " holds no revocation list in PEM");
  }
  ::X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}

std::string text_of(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int length = ::ASN1_STRING_to_UTF8(&utf8, text);
  if (length < 0) return {};
  std::string result(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
  OPENSSL_free(utf8);
  return result.find('\0') == std::string::npos ? result : std::string();
}

// What the configuration's lists are compared with. A name that holds a NUL is no name.
std::vector<std::string> identities_of(X509* certificate) {
  std::vector<std::string> identities;
  const auto add = [&](const char* kind, const std::string& name) {
    if (!name.empty()) identities.push_back(kind + name);
  };
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  for (int at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0;
       at = ::X509_NAME_get_index_by_NID(subject, NID_commonName, at)) {
    add("CN=", text_of(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at))));
  }
  auto* names = static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) add("DNS:", text_of(name->d.dNSName));
    if (name->type == GEN_URI) add("URI:", text_of(name->d.uniformResourceIdentifier));
    if (name->type == GEN_EMAIL) add("EMAIL:", text_of(name->d.rfc822Name));
  }
  ::GENERAL_NAMES_free(names);
  return identities;
}

std::string subject_of(X509* certificate) {
  BIO* memory = ::BIO_new(::BIO_s_mem());
  ::X509_NAME_print_ex(memory, ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(memory, &bytes);
  std::string subject(bytes, length > 0 ? static_cast<std::size_t>(length) : 0);
  ::BIO_free(memory);
  return subject;
}

class TlsStream : public ByteStream {
 public:
  TlsStream(AnySocket socket, std::shared_ptr<Tls::Context> context, std::string address)
      : context_(std::move(context)),
        stream_(std::move(socket), context_->ssl),
        address_(std::move(address)) {}
  awaitable<Error> begin() override;
  awaitable<std::pair<Error, std::size_t>> read_some(asio::mutable_buffer into) override;
  awaitable<Error> write(asio::const_buffer bytes) override;
  awaitable<void> end_writing() override;
  void cancel() override {
    Error ignored;
    stream_.lowest_layer().cancel(ignored);
  }
  void close() override {
    Error ignored;
    stream_.lowest_layer().close(ignored);
  }
  std::shared_ptr<const Caller> caller() const override { return caller_; }

 private:
  void know_caller();

  bool ended_ = false;  // by us: what still comes is not for us, and only read out
  std::shared_ptr<Tls::Context> context_;
  ssl::stream<AnySocket> stream_;
  const std::string address_;
  std::shared_ptr<const Caller> caller_;
};

asio::awaitable<ByteStream::Error> TlsStream::begin() {
  const auto [error] = co_await stream_.async_handshake(ssl::stream_base::server,
                                                        asio::as_tuple(asio::use_awaitable));
  if (!error) know_caller();
  co_return error;
}

void TlsStream::know_caller() {
  X509* certificate = ::SSL_get1_peer_certificate(stream_.native_handle());
  if (certificate == nullptr) throw std::logic_error("a handshake without a certificate");
  unsigned char* der = nullptr;
  const int length = ::i2d_X509(certificate, &der);
  const attest::Hash fingerprint =
      attest::hash(attest::ByteView(der, length > 0 ? static_cast<std::size_t>(length) : 0));
  OPENSSL_free(der);
  auto caller = std::make_shared<Caller>();
  const std::string subject = subject_of(certificate);
  caller->source = boost::json::serialize(
      boost::json::object{{"address", address_},
                          {"certificate_sha256", attest::to_hex(fingerprint)},
                          {"subject", subject},
                          {"transport", "https"}});
  caller->name = "certificate:" + subject;
  caller->roles = roles_of_certificate(context_->config, identities_of(certificate));
  ::X509_free(certificate);
  caller_ = std::move(caller);
}

asio::awaitable<std::pair<ByteStream::Error, std::size_t>> TlsStream::read_some(
    asio::mutable_buffer into) {
  if (ended_) {
    const auto [error, count] =
        co_await stream_.next_layer().async_read_some(into, asio::as_tuple(asio::use_awaitable));
    co_return std::pair(error, count);
  }
  const auto [error, count] =
      co_await stream_.async_read_some(into, asio::as_tuple(asio::use_awaitable));
  co_return std::pair(error, count);
}

asio::awaitable<ByteStream::Error> TlsStream::write(asio::const_buffer bytes) {
  const auto [error, count] =
      co_await asio::async_write(stream_, bytes, asio::as_tuple(asio::use_awaitable));
  co_return error;
}

// close_notify, and no waiting for the other side's.
asio::awaitable<void> TlsStream::end_writing() {
  ::SSL_set_quiet_shutdown(stream_.native_handle(), 0);
  ::SSL_set_shutdown(stream_.native_handle(), SSL_RECEIVED_SHUTDOWN);
  co_await stream_.async_shutdown(asio::as_tuple(asio::use_awaitable));
  ended_ = true;
  Error ignored;
  stream_.lowest_layer().shutdown(AnySocket::shutdown_send, ignored);
}

}  // namespace

Tls::Tls(const Config& config) : context_(std::make_shared<Context>(config)) {
  ssl::context& context = context_->ssl;
  context.set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                      ssl::context::no_tlsv1_1 | ssl::context::no_tlsv1_2);
  ::SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context.native_handle(), 0);
  const auto certificate = [&](auto& failed) {
    context.use_certificate_chain_file(config.http_certificate, failed);
  };
  load(config.http_certificate, "http.certificate", certificate);
  const auto key = [&](auto& failed) {
    context.use_private_key_file(config.http_key, ssl::context::pem, failed);
  };
  load(config.http_key, "http.key", key);
  const auto authorities = [&](auto& failed) {
    context.load_verify_file(config.http_client_ca, failed);
  };
  load(config.http_client_ca, "http.client_ca", authorities);
  if (!config.http_client_crl.empty()) load_revocations(context, config.http_client_crl);
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  ::SSL_CTX_set_purpose(context.native_handle(), X509_PURPOSE_SSL_CLIENT);
}

Tls::~Tls() = default;

std::unique_ptr<ByteStream> Tls::over(AnySocket socket, const std::string& address) {
  return std::make_unique<TlsStream>(std::move(socket), context_, address);
}

}  // namespace stele::daemon
