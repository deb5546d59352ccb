#include "attest/boot/bank.h"

#include <openssl/evp.h>

#include <stdexcept>

#include "attest/check.h"

namespace stele::attest::boot {
namespace {

struct Known {
  Algorithm algorithm;
  std::string_view name;
  std::size_t bytes;
  const char* openssl;
};
constexpr Known kKnown[] = {{Algorithm::sha1, "sha1", 20, "SHA1"},
                            {Algorithm::sha256, "sha256", 32, "SHA256"},
                            {Algorithm::sha384, "sha384", 48, "SHA384"},
                            {Algorithm::sha512, "sha512", 64, "SHA512"},
                            {Algorithm::sm3, "sm3", 32, "SM3"}};

const Known* known(Algorithm algorithm) {
  for (const Known& one : kKnown) {
    if (one.algorithm == algorithm) return &one;
  }
  return nullptr;
}

// Fetched once, as in hash.cc: a list of measurements takes one digest each.
const EVP_MD* fetched(Algorithm algorithm) {
  static const EVP_MD* const kFetched[] = {EVP_MD_fetch(nullptr, kKnown[0].openssl, nullptr),
                                           EVP_MD_fetch(nullptr, kKnown[1].openssl, nullptr),
                                           EVP_MD_fetch(nullptr, kKnown[2].openssl, nullptr),
                                           EVP_MD_fetch(nullptr, kKnown[3].openssl, nullptr),
                                           EVP_MD_fetch(nullptr, kKnown[4].openssl, nullptr)};
  const Known* one = known(algorithm);
  return one == nullptr ? nullptr : kFetched[one - kKnown];
}

struct Context {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(context); }
};

}  // namespace

std::string_view name(Algorithm algorithm) {
  const Known* one = known(algorithm);
  return one == nullptr ? "unknown" : one->name;
}

std::size_t digest_bytes(Algorithm algorithm) {
  const Known* one = known(algorithm);
  return one == nullptr ? 0 : one->bytes;
}

bool can_digest(Algorithm algorithm) {
  return fetched(algorithm) != nullptr;
}

std::optional<Bytes> digest(Algorithm algorithm, std::initializer_list<ByteView> parts) {
  const EVP_MD* md = fetched(algorithm);
  if (md == nullptr) return std::nullopt;
  thread_local Context reused;
  bool right = reused.context != nullptr && EVP_DigestInit_ex2(reused.context, md, nullptr) == 1;
  for (const ByteView part : parts) {
    right = right && EVP_DigestUpdate(reused.context, part.data(), part.size()) == 1;
  }
  Bytes out(digest_bytes(algorithm));
  if (!right || EVP_DigestFinal_ex(reused.context, out.data(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL failed in a digest of a PCR bank");
  }
  return out;
}

void extend(Algorithm algorithm, Bytes& value, ByteView measured) {
  auto extended = digest(algorithm, {value, measured});
  ENSURE(extended.has_value());
  value = std::move(*extended);
}

}  // namespace stele::attest::boot
