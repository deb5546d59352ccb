// SaltSource: the secret salts of content commitments, stretched from a seed that the caller drew.
//
//   keystream   ChaCha20(key, counter and nonce zero)
//   fill        the first 32 bytes of a fresh keystream replace the key, the rest are the salts:
//               whoever reads the memory later cannot tell the salts of contents already erased
//   reseed      key = H("stele/v1/salt\0" ‖ key ‖ seed)
//
// Thread safety: one thread. Errors: OpenSSL failing is an accident (throws std::runtime_error).
// See: RFC 8439 2.4; D. J. Bernstein, "Fast-key-erasure random-number generators".
#pragma once

#include <span>

#include "attest/hash.h"

namespace stele::attest {

class SaltSource {
 public:
  explicit SaltSource(const Hash& seed);  // 32 random bytes
  ~SaltSource();
  SaltSource(const SaltSource&) = delete;
  SaltSource& operator=(const SaltSource&) = delete;
  void reseed(const Hash& seed);
  void fill(std::span<Hash> salts);

 private:
  Hash key_;
  void* context_;  // EVP_CIPHER_CTX
};

}  // namespace stele::attest
