#include "attest/salt.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace stele::attest {
namespace {

EVP_CIPHER_CTX* cipher(void* context) {
  return static_cast<EVP_CIPHER_CTX*>(context);
}

void require(int outcome) {
  if (outcome != 1) throw std::runtime_error("OpenSSL: ChaCha20 failed");
}

// Replaces out by the next bytes of the keystream.
void draw(EVP_CIPHER_CTX* context, std::span<Hash> out) {
  static_assert(sizeof(Hash) == 32, "salts are drawn as one run of bytes");
  constexpr std::size_t kStep = std::size_t{1} << 20;  // EVP counts in int
  while (!out.empty()) {
    const auto part = out.first(std::min(out.size(), kStep));
    std::fill(part.begin(), part.end(), Hash{});
    auto* bytes = part.front().bytes.data();
    int written = 0;
    require(
        EVP_EncryptUpdate(context, bytes, &written, bytes, static_cast<int>(part.size_bytes())));
    out = out.subspan(part.size());
  }
}

}  // namespace

SaltSource::SaltSource(const Hash& seed) : context_(EVP_CIPHER_CTX_new()) {
  if (context_ == nullptr) throw std::runtime_error("OpenSSL: no memory for a cipher");
  reseed(seed);
}

SaltSource::~SaltSource() {
  EVP_CIPHER_CTX_free(cipher(context_));
  OPENSSL_cleanse(key_.bytes.data(), key_.bytes.size());
}

void SaltSource::reseed(const Hash& seed) {
  key_ = hash({tag("stele/v1/salt"), key_, seed});
}

void SaltSource::fill(std::span<Hash> salts) {
  const std::array<std::uint8_t, 16> counter_and_nonce{};
  require(EVP_EncryptInit_ex(cipher(context_), EVP_chacha20(), nullptr, key_.bytes.data(),
                             counter_and_nonce.data()));
  draw(cipher(context_), {&key_, 1});
  draw(cipher(context_), salts);
}

}  // namespace stele::attest
