#include "attest/identity/credential.h"

#include <openssl/evp.h>

#include <stdexcept>

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/identity/kdf.h"
#include "attest/openssl_pointer.h"

namespace stele::attest {
namespace {

Bytes encrypt_cfb(ByteView key, ByteView plain) {
  const Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
  const std::array<std::uint8_t, 16> zero_iv{};
  const EVP_CIPHER* cipher = key.size() == 16 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128();
  Bytes out(plain.size());
  int size = 0;
  if (!context ||
      EVP_EncryptInit_ex2(context.get(), cipher, key.data(), zero_iv.data(), nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &size, plain.data(),
                        static_cast<int>(plain.size())) != 1 ||
      static_cast<std::size_t>(size) != plain.size()) {
    throw std::runtime_error("OpenSSL: AES-CFB failed");
  }
  return out;
}

}  // namespace

SentSeed send_seed(const PublicKey& key, boot::Algorithm algorithm, std::string_view label,
                   const CredentialRandom& random) {
  const std::size_t hash_bytes = boot::digest_bytes(algorithm);
  const ByteView bytes(random);
  SentSeed sent;
  if (key.is_rsa()) {
    const ByteView seed = bytes.first(hash_bytes);
    sent.seed.assign(seed.begin(), seed.end());
    sent.encrypted = key.encrypt_oaep(algorithm, label, seed,
                                      bytes.subspan(kCredentialRandomBytes / 2, hash_bytes));
    return sent;
  }
  // Far more bits than the curve's order has, so that reducing them favours no key.
  const PublicKey::Agreement agreed = key.agree(bytes);
  sent.seed =
      kdf_e(algorithm, agreed.shared_x, label, agreed.ephemeral_x, agreed.own_x, hash_bytes * 8);
  Writer(sent.encrypted).sized16(agreed.ephemeral_x).sized16(agreed.ephemeral_y);
  return sent;
}

Credential make_credential(const EndorsementPublic& ek, const Name& name, ByteView secret,
                           const CredentialRandom& random) {
  const boot::Algorithm algorithm = ek.name_algorithm();
  const std::size_t hash_bytes = boot::digest_bytes(algorithm);
  ENSURE(secret.size() <= hash_bytes);
  SentSeed sent = send_seed(ek.key(), algorithm, "IDENTITY", random);
  Bytes plain;
  Writer(plain).sized16(secret);
  const Bytes key = kdf_a(algorithm, sent.seed, "STORAGE", name, {}, ek.symmetric_bits());
  const Bytes encrypted = encrypt_cfb(key, plain);
  const Bytes hmac_key = kdf_a(algorithm, sent.seed, "INTEGRITY", {}, {}, hash_bytes * 8);
  Credential credential;
  Writer(credential.id_object)
      .sized16(hmac(algorithm, hmac_key, {encrypted, name}))
      .bytes(encrypted);
  credential.encrypted_secret = std::move(sent.encrypted);
  return credential;
}

}  // namespace stele::attest
