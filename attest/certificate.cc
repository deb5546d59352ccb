#include "attest/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

namespace stele::attest {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using Octets = std::unique_ptr<ASN1_OCTET_STRING, Deleter<ASN1_OCTET_STRING_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

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
  const Names found(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(found.get(), i);
    if (name->type == GEN_DNS) {
      const ByteView bytes = bytes_of(name->d.dNSName);
      std::string text(bytes.begin(), bytes.end());
      // "good.example\0.evil.example" and the like name nobody.
      const bool plain =
          std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
      if (plain && !text.empty()) names.dns.push_back(std::move(text));
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
