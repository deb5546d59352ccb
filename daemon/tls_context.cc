#include "daemon/tls_context.h"

#include <boost/asio/ssl/verify_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "attest/certificate.h"
#include "daemon/config.h"

namespace stele::daemon {
namespace {

namespace ssl = boost::asio::ssl;

std::vector<unsigned char> to_der(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int length = certificate != nullptr ? i2d_X509(certificate, &bytes) : 0;
  if (length <= 0) return {};
  std::vector<unsigned char> der(bytes, bytes + length);
  OPENSSL_free(bytes);
  return der;
}

// The chain was judged by OpenSSL; ours is only whether this sender's names are allowed.
bool is_allowed(ssl::verify_context& context, const std::vector<std::string>& allowed_names) {
  X509_STORE_CTX* const store = context.native_handle();
  if (X509_STORE_CTX_get_error_depth(store) != 0) return true;
  const auto names = attest::decode_certificate(to_der(X509_STORE_CTX_get_current_cert(store)));
  if (names && attest::allows(allowed_names, *names)) return true;
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  return false;
}

}  // namespace

std::string resolve_credential(const std::string& path) {
  const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
  if (path.starts_with("/") || credentials == nullptr) return path;
  return (std::filesystem::path(credentials) / path).string();
}

ssl::context make_tls_context(const TlsFiles& files) {
  ssl::context context(ssl::context::tls_server);
  const auto load = [&](const char* key, const std::string& path, auto&& how) {
    boost::system::error_code failed;
    std::error_code absent;
    const std::string file = resolve_credential(path);
    if (!std::filesystem::exists(file, absent)) {
      throw ConfigError(files.table + "." + key + ": " + file + " is not there; correct the path");
    }
    how(file, failed);
    if (failed) {
      throw ConfigError(files.table + "." + key + ": " + file + " cannot be used: " +
                        failed.message() + "; it must be readable PEM of the right kind");
    }
  };
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                      ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (files.only_1_3) context.set_options(ssl::context::no_tlsv1_2);
  // Senders only write. A ticket in their buffer, unread when they close, turns their close into a
  // reset that takes what they sent last with it.
  SSL_CTX_set_num_tickets(context.native_handle(), 0);
  SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_OFF);
  // Thousands may be silent: none of them keeps OpenSSL's buffers of a record.
  SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  context.set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); });
  load("certificate", files.certificate, [&](const std::string& file, auto& failed) {
    context.use_certificate_chain_file(file, failed);
  });
  // Every client would refuse it, each with words of its own.
  if (X509_check_purpose(SSL_CTX_get0_certificate(context.native_handle()), X509_PURPOSE_SSL_SERVER,
                         0) != 1) {
    throw ConfigError(files.table + ".certificate: " + resolve_credential(files.certificate) +
                      " is not a server's: its extended key usage lacks serverAuth; have one "
                      "issued for this server");
  }
  load("key", files.key, [&](const std::string& file, auto& failed) {
    context.use_private_key_file(file, ssl::context::pem, failed);
  });
  load("client_ca", files.client_ca,
       [&](const std::string& file, auto& failed) { context.load_verify_file(file, failed); });
  if (!files.crl.empty()) {
    load(files.crl_key.c_str(), files.crl,
         [&](const std::string& file, auto& failed) { context.load_verify_file(file, failed); });
    X509_STORE_set_flags(SSL_CTX_get_cert_store(context.native_handle()),
                         X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  }
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  context.set_verify_callback(
      [allowed = files.allowed_names](bool good, ssl::verify_context& peer) {
        return good && is_allowed(peer, allowed);
      });
  return context;
}

std::vector<unsigned char> peer_certificate(SSL* connection) {
  X509* const certificate = SSL_get1_peer_certificate(connection);
  std::vector<unsigned char> der = to_der(certificate);
  X509_free(certificate);
  return der;
}

}  // namespace stele::daemon
