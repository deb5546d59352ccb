#include "attest/escrow.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>

#include "attest/openssl_pointer.h"

namespace stele::attest {
namespace {

using Bio = Owned<BIO, BIO_free_all>;
using Certificate = Owned<X509, X509_free>;
using Message = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;

Bio bio_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

[[noreturn]] void openssl_failed(const char* step) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  throw std::runtime_error(std::string("escrow: ") + step + ": " +
                           (reason != nullptr ? reason : "OpenSSL failed"));
}

Certificate read_certificate(std::string_view pem) {
  const Bio bio = bio_of(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) throw std::invalid_argument("the escrow key is no X.509 certificate in PEM");
  const EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  const int type = key != nullptr ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
  if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC) {
    throw std::invalid_argument(
        "the escrow certificate's key can encrypt nothing: it must be RSA or EC");
  }
  return certificate;
}

void add_recipient(CMS_ContentInfo* message, X509* certificate) {
  CMS_RecipientInfo* recipient = CMS_add1_recipient_cert(message, certificate, CMS_KEY_PARAM);
  if (recipient == nullptr) openssl_failed("adding the auditor");
  if (EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) != EVP_PKEY_RSA) return;
  EVP_PKEY_CTX* context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
  if (context == nullptr || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) != 1) {
    openssl_failed("choosing OAEP");
  }
}

// The origin is the only free text: no control characters are in it (is_origin).
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string to_json(const Escrow& escrow) {
  std::string text;
  text.reserve(1024);  // so that no copy of the secrets is left behind by growing
  text += R"({"schema":"stele.escrow/1","origin":)" + in_quotes(escrow.origin);
  text += R"(,"log_id":")" + to_hex(escrow.log_id) + R"(","ak_name":")" + to_hex(escrow.ak_name);
  text += R"(","owner_auth":")" + to_hex(escrow.owner_auth);
  text += R"(","lockout_auth":")" + to_hex(escrow.lockout_auth) + "\"}\n";
  return text;
}

std::string encrypt_escrow(const Escrow& escrow, std::string_view certificate_pem) {
  const Certificate certificate = read_certificate(certificate_pem);
  std::string plain = to_json(escrow);
  const Bio in = bio_of(plain);
  constexpr unsigned kFlags = CMS_BINARY | CMS_PARTIAL;
  const Message message(CMS_encrypt(nullptr, in.get(), EVP_aes_256_cbc(), kFlags));
  if (!message) openssl_failed("beginning");
  add_recipient(message.get(), certificate.get());
  const int sealed = CMS_final(message.get(), in.get(), nullptr, CMS_BINARY);
  OPENSSL_cleanse(plain.data(), plain.size());
  if (sealed != 1) openssl_failed("encrypting");
  const Bio pem(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_CMS_stream(pem.get(), message.get(), nullptr, 0) != 1)
    openssl_failed("writing");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(pem.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace stele::attest
