#include "attest/hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace stele::attest {
namespace {

// Fetched once: an implicit fetch per hash costs more than the hash (about 330 ns).
const EVP_MD* sha256() {
  static EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (md == nullptr) throw std::runtime_error("OpenSSL has no SHA256");
  return md;
}

EVP_MD_CTX* as_context(void* p) { return static_cast<EVP_MD_CTX*>(p); }

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Hasher& thread_hasher() {
  thread_local Hasher hasher;
  return hasher;
}

}  // namespace

ByteView view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Hasher::Hasher() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex2(as_context(context_), sha256(), nullptr) != 1) {
    EVP_MD_CTX_free(as_context(context_));
    throw std::runtime_error("OpenSSL cannot start a SHA256 digest");
  }
}

Hasher::~Hasher() { EVP_MD_CTX_free(as_context(context_)); }

Hasher& Hasher::update(ByteView bytes) {
  if (EVP_DigestUpdate(as_context(context_), bytes.data(), bytes.size()) != 1) {
    throw std::runtime_error("OpenSSL failed in EVP_DigestUpdate");
  }
  return *this;
}

Hash Hasher::finish() {
  Hash out;
  if (EVP_DigestFinal_ex(as_context(context_), out.bytes.data(), nullptr) != 1 ||
      EVP_DigestInit_ex2(as_context(context_), nullptr, nullptr) != 1) {
    throw std::runtime_error("OpenSSL failed in EVP_DigestFinal_ex");
  }
  return out;
}

Hash hash(ByteView bytes) { return thread_hasher().update(bytes).finish(); }

Hash hash(std::initializer_list<ByteView> parts) {
  Hasher& hasher = thread_hasher();
  for (ByteView part : parts) hasher.update(part);
  return hasher.finish();
}

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (std::uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::optional<Hash> hash_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  Hash out;
  std::copy(bytes->begin(), bytes->end(), out.bytes.begin());
  return out;
}

}  // namespace stele::attest
