#include "attest/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "attest/openssl_pointer.h"

namespace stele::attest {
namespace {

using Certificate = Owned<X509, X509_free>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
using Octets = Owned<ASN1_OCTET_STRING, ASN1_OCTET_STRING_free>;
using Bio = Owned<BIO, BIO_free_all>;

std::string subject_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(std::max(length, 0L))};
}

ByteView bytes_of(const ASN1_STRING* string) {
  return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// Four bytes or sixteen; anything else has no text.
std::string address_text(ByteView bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  if (bytes.size() == 4) {
    for (const std::uint8_t byte : bytes) text += (text.empty() ? "" : ".") + std::to_string(byte);
  } else if (bytes.size() == 16) {
    for (std::size_t i = 0; i < 16; i += 2) {
      unsigned group = bytes[i] * 256u + bytes[i + 1];
      std::string hex;
      do {
        hex.insert(hex.begin(), kDigits[group % 16]);
        group /= 16;
      } while (group > 0);
      text += (i == 0 ? "" : ":") + hex;
    }
  }
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool matches(const std::string& pattern, const std::string& name) {
  const std::string wanted = lower(pattern), given = lower(name);
  if (!wanted.starts_with("*.")) return wanted == given;
  const std::size_t dot = given.find('.');
  return dot != std::string::npos && dot > 0 && given.substr(dot) == wanted.substr(1);
}

// "good.example\0.evil.example" and the like name nobody.
void add_plain(const ASN1_STRING* string, std::vector<std::string>& names) {
  const ByteView bytes = bytes_of(string);
  const bool plain =
      std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t c) { return c > ' ' && c < 0x7f; });
  if (plain && !bytes.empty()) names.emplace_back(bytes.begin(), bytes.end());
}

std::vector<std::string> common_names_of(const X509_NAME* subject) {
  std::vector<std::string> names;
  for (int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0;
       at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) {
    unsigned char* utf8 = nullptr;
    const int length =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length <= 0) continue;
    std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
    OPENSSL_free(utf8);
    if (name.find('\0') == std::string::npos) names.push_back(std::move(name));
  }
  return names;
}

Octets octets_of(const std::string& address) {
  Octets octets(a2i_IPADDRESS(address.c_str()));
  ERR_clear_error();
  return octets;
}

}  // namespace

Result<CertificateNames> decode_certificate(ByteView der) {
  const Defect refused(Fault::value_out_of_range, {}, "no X.509 certificate");
  const unsigned char* at = der.data();
  const Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!certificate || at != der.data() + der.size()) return refused;
  CertificateNames names;
  names.subject = subject_of(certificate.get());
  names.common_names = common_names_of(X509_get_subject_name(certificate.get()));
  const Names found(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(found.get(), i);
    if (name->type == GEN_DNS) {
      add_plain(name->d.dNSName, names.dns);
    } else if (name->type == GEN_URI) {
      add_plain(name->d.uniformResourceIdentifier, names.uris);
    } else if (name->type == GEN_EMAIL) {
      add_plain(name->d.rfc822Name, names.emails);
    } else if (name->type == GEN_IPADD) {
      std::string text = address_text(bytes_of(name->d.iPAddress));
      if (!text.empty()) names.addresses.push_back(std::move(text));
    }
  }
  ERR_clear_error();
  return names;
}

bool same_address(const std::string& a, const std::string& b) {
  const Octets first = octets_of(a), second = octets_of(b);
  return first && second && ASN1_OCTET_STRING_cmp(first.get(), second.get()) == 0;
}

bool allows(const std::vector<std::string>& allowed, const CertificateNames& names) {
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
    if (one == "*") return true;
    return std::any_of(names.dns.begin(), names.dns.end(),
                       [&](const std::string& name) { return matches(one, name); }) ||
           std::any_of(names.addresses.begin(), names.addresses.end(),
                       [&](const std::string& address) { return same_address(one, address); });
  });
}

}  // namespace stele::attest
