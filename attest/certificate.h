// Whom an X.509 certificate names: its subject and its subjectAltNames, and whether those are
// allowed.
//
// A name that holds a NUL, or one of the subjectAltName a space or what is no ASCII, is no name.
// Says nothing about whether the certificate may be believed: that is the TLS handshake's.
// Thread safety: pure. Errors: decode_certificate: value_out_of_range. Trust: bytes from a peer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

struct CertificateNames {
  std::string subject;                    // RFC 2253, in ASCII: "CN=web1,O=Example"
  std::vector<std::string> common_names;  // of the subject, UTF-8
  std::vector<std::string> dns;           // these and the following: of the subjectAltName
  std::vector<std::string> uris;
  std::vector<std::string> emails;
  std::vector<std::string> addresses;  // "192.0.2.7", "2001:db8:0:0:0:0:0:1"
};
Result<CertificateNames> decode_certificate(ByteView der);

// allowed: DNS names (upper and lower case alike), "*.example" for one label before .example,
// addresses, or "*" for any certificate. A subject's CN is no name (RFC 6125).
bool allows(const std::vector<std::string>& allowed, const CertificateNames& names);
// Is this address the same in another spelling? False where one of them is none.
bool same_address(const std::string& a, const std::string& b);

}  // namespace stele::attest
