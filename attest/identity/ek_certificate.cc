#include "attest/identity/ek_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <stdexcept>

#include "attest/check.h"
#include "attest/identity/tpm_maker.h"
#include "attest/openssl_pointer.h"

namespace stele::attest {
namespace {

using Certificate = Owned<X509, X509_free>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
using Usages = Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free>;
using Bio = Owned<BIO, BIO_free_all>;

constexpr std::string_view kEkUsage = "2.23.133.8.1";
constexpr std::string_view kManufacturer = "2.23.133.2.1";
constexpr std::string_view kModel = "2.23.133.2.2";
constexpr std::string_view kTpmVersionOid = "2.23.133.2.3";
constexpr int kMaxChain = 8;

struct CertificateErrors {
  ~CertificateErrors() { ERR_clear_error(); }
};

X509* raw_certificate(const std::shared_ptr<void>& certificate) {
  return static_cast<X509*>(certificate.get());
}

Defect malformed_certificate(const char* why) {
  return {Fault::ek_certificate_malformed, {}, std::string("the EK certificate: ") + why};
}
Defect unfit_certificate(const char* why) {
  return {Fault::ek_certificate_unfit, {}, std::string("the EK certificate: ") + why};
}

// How many bytes the DER value at the front takes; 0: none begins there.
std::size_t der_bytes(ByteView bytes) {
  if (bytes.size() < 4 || bytes[0] != 0x30) return 0;
  std::size_t size = 0, head = 2;
  if (bytes[1] < 0x80) {
    size = bytes[1];
  } else if (bytes[1] == 0x81 || bytes[1] == 0x82) {
    for (std::size_t i = 0; i < std::size_t{bytes[1]} - 0x80; ++i) size = size << 8 | bytes[head++];
  } else {
    return 0;
  }
  return head + size <= bytes.size() ? head + size : 0;
}

Certificate read_der(ByteView der) {
  if (der.size() > kMaxCertificateBytes || der_bytes(der) != der.size()) return nullptr;
  const unsigned char* at = der.data();
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return at == der.data() + der.size() ? std::move(certificate) : nullptr;
}

std::string oid_of(const ASN1_OBJECT* object) {
  char text[64];
  const int length = OBJ_obj2txt(text, sizeof text, object, 1);
  return length > 0 && length < static_cast<int>(sizeof text) ? text : "";
}

std::string one_line(const X509_NAME* name) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::runtime_error("OpenSSL: out of memory");
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(std::max(length, 0L))};
}

// Whatever string type a maker chose for it; empty if it is no text that a trust file can hold.
std::string text_of(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, value);
  if (length <= 0) return "";
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(length));
  OPENSSL_free(utf8);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.pop_back();
  return is_trust_text(text) ? text : "";
}

// A password is never asked for: what is encrypted is no root.
int no_password(char*, int, int, void*) { return -1; }

// "id:49465800" is "IFX"; what is no letters stays as it is.
std::string letters_of(const std::string& id) {
  const auto bytes = id.starts_with("id:") ? from_hex(id.substr(3)) : std::nullopt;
  if (!bytes || bytes->size() != 4) return id;
  std::string text(bytes->begin(), bytes->end());
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
  const bool readable = !text.empty() && std::all_of(text.begin(), text.end(),
                                                     [](char c) { return c > ' ' && c < 0x7f; });
  return readable ? text : id;
}

bool has_ek_usage(X509* certificate) {
  const Usages usages(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr)));
  if (!usages) return false;
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    if (oid_of(sk_ASN1_OBJECT_value(usages.get(), i)) == kEkUsage) return true;
  }
  return false;
}

// Old Infineon keys call themselves RSAES-OAEP: the key inside is any RSA key's.
std::shared_ptr<void> key_of(X509* certificate) {
  EVP_PKEY* key = X509_get_pubkey(certificate);
  if (key == nullptr) {
    ASN1_OBJECT* algorithm = nullptr;
    const unsigned char* at = nullptr;
    int length = 0;
    X509_PUBKEY_get0_param(&algorithm, &at, &length, nullptr, X509_get_X509_PUBKEY(certificate));
    if (OBJ_obj2nid(algorithm) == NID_rsaesOaep) {
      key = d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, length);
    }
  }
  return {key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); }};
}

Fault fault_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
      return Fault::ek_certificate_expired;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return Fault::ek_certificate_unfit;
    default:
      return Fault::ek_certificate_foreign;
  }
}

}  // namespace

PinnedRoots::PinnedRoots()
    : store_(X509_STORE_new(), [](void* p) { X509_STORE_free(static_cast<X509_STORE*>(p)); }) {
  if (!store_) throw std::runtime_error("OpenSSL: out of memory");
}

Result<std::size_t> PinnedRoots::add(ByteView file) {
  const CertificateErrors queue;
  auto* store = static_cast<X509_STORE*>(store_.get());
  std::vector<Certificate> found;
  if (Certificate one = read_der(file)) {
    found.push_back(std::move(one));
  } else if (!file.empty()) {  // of no bytes at all OpenSSL makes no BIO
    const Bio bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
    if (!bio) throw std::runtime_error("OpenSSL: out of memory");
    while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)}) {
      found.push_back(std::move(next));
      if (found.size() > kMaxPinned) break;
    }
    // The end of a file reads as one more certificate that does not begin.
    const bool is_whole = found.size() > kMaxPinned ||
                          ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!is_whole && !found.empty()) {
      return Defect(Fault::value_out_of_range, {},
                    "behind certificate " + std::to_string(found.size()) +
                        " stands something that begins like one and is none");
    }
  }
  if (found.empty()) {
    return Defect(Fault::value_out_of_range, {}, "no X.509 certificate in PEM or DER");
  }
  if (size_ + found.size() > kMaxPinned) {
    return Defect(Fault::value_out_of_range, {}, "more than 4096 certificates");
  }
  for (const Certificate& one : found) {
    if (X509_STORE_add_cert(store, one.get()) != 1) {
      throw std::runtime_error("OpenSSL: cannot pin a certificate");
    }
  }
  size_ += found.size();
  return found.size();
}

Result<EkCertificate> EkCertificate::parse(ByteView der) {
  const CertificateErrors queue;
  EkCertificate ek;
  ek.certificate_ = std::shared_ptr<void>(read_der(der).release(),
                                          [](void* p) { X509_free(static_cast<X509*>(p)); });
  X509* certificate = raw_certificate(ek.certificate_);
  if (certificate == nullptr) return malformed_certificate("not one X.509 certificate in DER");
  if (X509_get_version(certificate) != X509_VERSION_3)
    return malformed_certificate("not of version 3");
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_INVALID) != 0) return malformed_certificate("an extension cannot be read");
  ek.issuer_ = one_line(X509_get_issuer_name(certificate));
  // OpenSSL's own check believes a keyUsage without keyCertSign more than basicConstraints.
  if ((flags & EXFLAG_CA) != 0 || X509_check_ca(certificate) != 0) {
    return unfit_certificate("it is an authority's");
  }
  if (!has_ek_usage(certificate)) {
    return unfit_certificate(
        "its extended key usage is not that of an endorsement key (2.23.133.8.1)");
  }
  if (const auto read = ek.read_names(certificate); !read) return read.error();
  ek.key_ = PublicKey::of_openssl(key_of(certificate));
  if (!ek.key_) return unfit_certificate("its key is neither RSA nor of P-256, P-384 or P-521");
  return ek;
}

Result<void> EkCertificate::read_names(void* certificate) {
  int critical = 0;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(static_cast<X509*>(certificate), NID_subject_alt_name, &critical, nullptr)));
  if (!names) return unfit_certificate("it has no subjectAltName that names a TPM");
  if (critical != 1) return unfit_certificate("its subjectAltName is not critical");
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DIRNAME) continue;
    const X509_NAME* directory = name->d.directoryName;
    // In one set or in several: makers differ, and mean the same.
    for (int at = 0; at < X509_NAME_entry_count(directory); ++at) {
      const X509_NAME_ENTRY* entry = X509_NAME_get_entry(directory, at);
      const std::string oid = oid_of(X509_NAME_ENTRY_get_object(entry));
      std::string* const member = oid == kManufacturer    ? &manufacturer_
                                  : oid == kModel         ? &model_
                                  : oid == kTpmVersionOid ? &version_
                                                          : nullptr;
      if (member == nullptr) continue;
      if (!member->empty())
        return unfit_certificate("its subjectAltName names manufacturer, model or version twice");
      *member = text_of(X509_NAME_ENTRY_get_data(entry));
    }
  }
  if (manufacturer_.empty() || model_.empty() || version_.empty()) {
    return unfit_certificate(
        "its subjectAltName does not name manufacturer, model and version of a TPM");
  }
  manufacturer_ = letters_of(manufacturer_);
  return ok();
}

Result<void> EkCertificate::verify_chain(std::span<const Bytes> intermediates,
                                         const PinnedRoots& roots, std::int64_t now_s) const {
  const CertificateErrors queue;
  const auto free_all = [](STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); };
  const std::unique_ptr<STACK_OF(X509), decltype(free_all)> between(sk_X509_new_null(), free_all);
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  if (!between || !context ||
      X509_STORE_CTX_init(context.get(), static_cast<X509_STORE*>(roots.store_.get()),
                          raw_certificate(certificate_), between.get()) != 1) {
    throw std::runtime_error("OpenSSL: cannot verify certificates");
  }
  for (const Bytes& der : intermediates) {
    Certificate one = read_der(der);
    if (one && sk_X509_push(between.get(), one.get()) > 0) one.release();
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CHECK_SS_SIGNATURE);
  X509_VERIFY_PARAM_set_time(rules, now_s);
  X509_VERIFY_PARAM_set_depth(rules, kMaxChain);
  const bool verified = X509_verify_cert(context.get()) == 1;
  if (verified) return ok();
  const int error = X509_STORE_CTX_get_error(context.get());
  const X509* at = X509_STORE_CTX_get_current_cert(context.get());
  std::string detail = X509_verify_cert_error_string(error);
  if (at != nullptr) {
    const std::string subject = one_line(X509_get_subject_name(at));
    detail += subject.empty() ? " (the EK certificate)" : " (" + subject + ")";
  }
  if (fault_of(error) == Fault::ek_certificate_foreign) {
    detail = "no chain to a pinned root: " + detail + "; issued by " + issuer_;
  }
  return Defect(fault_of(error), {}, detail);
}

Result<void> EkCertificate::verify_holds(const PublicKey& ek) const {
  if (*key_ == ek) return ok();
  return Defect(Fault::ek_mismatch, {},
                "the endorsement key presented is not the one that the certificate vouches for");
}

TpmKind EkCertificate::kind() const {
  return kind_of(manufacturer_, model_);
}

ByteView without_padding(ByteView bytes) {
  const std::size_t size = der_bytes(bytes);
  return size == 0 ? bytes : bytes.first(size);
}

std::vector<Bytes> split_certificates(ByteView bytes) {
  std::vector<Bytes> found;
  while (const std::size_t size = der_bytes(bytes)) {
    const ByteView one = bytes.first(size);
    if (!read_der(one)) break;
    found.emplace_back(one.begin(), one.end());
    bytes = bytes.subspan(size);
  }
  return found;
}

}  // namespace stele::attest
