#include "attest/note_signer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdexcept>

#include "attest/check.h"
#include "attest/genesis.h"
#include "attest/openssl_pointer.h"

namespace stele::attest {
namespace {

using Bio = Owned<BIO, BIO_free_all>;
using PrivateKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using Context = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;

// Never asks at a terminal for what opens an encrypted key.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

PrivateKey read_key(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    throw std::invalid_argument(
        "it is no unencrypted Ed25519 key in PEM: make one with openssl genpkey -algorithm "
        "ed25519");
  }
  return key;
}

}  // namespace

struct NoteSigner::Key {
  PrivateKey pkey;
};

NoteSigner::NoteSigner(std::string_view pem, std::string name)
    : NoteSigner(std::make_unique<Key>(Key{read_key(pem)}), std::move(name)) {}

NoteSigner::NoteSigner(const Hash& seed, std::string name)
    : NoteSigner(std::make_unique<Key>(Key{PrivateKey(EVP_PKEY_new_raw_private_key(
                     EVP_PKEY_ED25519, nullptr, seed.bytes.data(), seed.bytes.size()))}),
                 std::move(name)) {}

NoteSigner::NoteSigner(std::unique_ptr<Key> key, std::string name) : private_key_(std::move(key)) {
  if (!is_origin(name)) {
    throw std::invalid_argument("a key's name is 1 to 255 characters without spaces and '+'");
  }
  if (!private_key_->pkey) throw std::runtime_error("OpenSSL takes no such key");
  Hash public_key;
  std::size_t size = public_key.bytes.size();
  if (EVP_PKEY_get_raw_public_key(private_key_->pkey.get(), public_key.bytes.data(), &size) != 1) {
    throw std::runtime_error("OpenSSL does not give the public key");
  }
  key_ = make_note_key(std::move(name), public_key, NoteKeyType::note);
}

NoteSigner::~NoteSigner() = default;
NoteSigner::NoteSigner(NoteSigner&&) noexcept = default;

Note NoteSigner::sign(std::string_view text) const {
  ENSURE(text.ends_with('\n') && text.find("\n\n") == text.npos);
  return {std::string(text), {{key_.name, key_.key_hash, sign_bytes(view(text))}}};
}

Bytes NoteSigner::sign_bytes(ByteView message) const {
  const Context context(EVP_MD_CTX_new());
  Bytes signature(64);
  std::size_t size = signature.size();
  const bool is_signed =
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, private_key_->pkey.get()) == 1 &&
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1;
  if (!is_signed || size != signature.size()) {
    throw std::runtime_error("OpenSSL cannot sign with this key");
  }
  return signature;
}

}  // namespace stele::attest
