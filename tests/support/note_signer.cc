#include "tests/support/note_signer.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

#include "attest/codec.h"

namespace stele::test {
namespace {

void require(bool condition) {
  if (!condition) throw std::runtime_error("OpenSSL refuses Ed25519");
}

std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> private_key(const attest::Hash& seed) {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.bytes.data(), 32),
      EVP_PKEY_free);
  require(key != nullptr);
  return key;
}

}  // namespace

NoteSigner::NoteSigner(std::string name, std::uint8_t seed) {
  seed_.bytes.fill(seed);
  std::size_t size = 32;
  require(EVP_PKEY_get_raw_public_key(private_key(seed_).get(), key_.key.bytes.data(), &size) == 1);
  const std::uint8_t between[] = {'\n', 1};
  const attest::Hash key_hash = attest::hash({attest::view(name), between, key_.key});
  key_.key_hash = attest::Reader(key_hash).u32();
  key_.name = std::move(name);
}

attest::NoteSignature NoteSigner::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const auto key = private_key(seed_);
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  attest::NoteSignature signature{key_.name, key_.key_hash, attest::Bytes(64)};
  std::size_t size = signature.signature.size();
  const attest::ByteView message = attest::view(text);
  require(EVP_DigestSign(context.get(), signature.signature.data(), &size, message.data(),
                         message.size()) == 1);
  return signature;
}

}  // namespace stele::test
