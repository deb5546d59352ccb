// A TLS server's context for mutual authentication: client certificates required, no resumption.
//
// Thread safety: none while it is made. Errors: ConfigError that names the key of the configuration
// and the file. Trust: whoever client_ca signs, if its subjectAltNames are allowed and it is not
// revoked.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <string>
#include <vector>

namespace stele::daemon {

struct TlsFiles {
  std::string table;  // of the configuration, for messages: "listen.tls"
  std::string certificate;
  std::string key;
  std::string client_ca;
  std::string crl;                         // may be empty: nothing is revoked
  std::vector<std::string> allowed_names;  // attest/certificate.h
  std::string crl_key = "crl";
  bool only_1_3 = false;  // else 1.2 too
};
boost::asio::ssl::context make_tls_context(const TlsFiles& files);

// The path of a PEM file: a relative one is a credential that the service manager passed.
std::string resolve_credential(const std::string& path);

// The peer's certificate in DER, behind the handshake; empty: it has none.
std::vector<unsigned char> peer_certificate(SSL* connection);

}  // namespace stele::daemon
