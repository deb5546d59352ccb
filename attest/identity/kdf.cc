#include "attest/identity/kdf.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"

namespace stele::attest {
namespace {

// The largest block of the hashes known here.
constexpr std::size_t block_bytes(boot::Algorithm algorithm) {
  return algorithm == boot::Algorithm::sha384 || algorithm == boot::Algorithm::sha512 ? 128 : 64;
}

Bytes hashed(boot::Algorithm algorithm, std::initializer_list<ByteView> parts) {
  auto value = boot::digest(algorithm, parts);
  ENSURE(value.has_value());
  return *std::move(value);
}

Bytes number_bytes(std::size_t value) {
  Bytes out;
  Writer(out).u32(static_cast<std::uint32_t>(value));
  return out;
}

// The label with its NUL.
Bytes terminated(std::string_view label) {
  Bytes out(label.begin(), label.end());
  out.push_back(0);
  return out;
}

// As many blocks as the bits need, from `first` on; what is over is cut, in bits from the front.
template <class Block>
Bytes blocks(std::size_t first, std::size_t bits, Block block) {
  ENSURE(bits <= kMaxKdfBits);
  const std::size_t size = (bits + 7) / 8;
  Bytes out;
  for (std::size_t counter = first; out.size() < size; ++counter) {
    const Bytes next = block(counter);
    out.insert(out.end(), next.begin(), next.end());
  }
  out.resize(size);
  if (bits % 8 != 0) out[0] = static_cast<std::uint8_t>(out[0] & ((1u << (bits % 8)) - 1));
  return out;
}

}  // namespace

Bytes hmac(boot::Algorithm algorithm, ByteView key, std::initializer_list<ByteView> parts) {
  const std::size_t size = block_bytes(algorithm);
  Bytes padded = key.size() > size ? hashed(algorithm, {key}) : Bytes(key.begin(), key.end());
  padded.resize(size, 0);
  Bytes inner = padded, outer = padded;
  for (std::uint8_t& byte : inner) byte ^= 0x36;
  for (std::uint8_t& byte : outer) byte ^= 0x5c;
  for (const ByteView part : parts) inner.insert(inner.end(), part.begin(), part.end());
  return hashed(algorithm, {outer, hashed(algorithm, {inner})});
}

Bytes kdf_a(boot::Algorithm algorithm, ByteView key, std::string_view label, ByteView context_u,
            ByteView context_v, std::size_t bits) {
  const Bytes name = terminated(label), length = number_bytes(bits);
  return blocks(1, bits, [&](std::size_t counter) {
    return hmac(algorithm, key, {number_bytes(counter), name, context_u, context_v, length});
  });
}

Bytes kdf_e(boot::Algorithm algorithm, ByteView z, std::string_view label, ByteView party_u,
            ByteView party_v, std::size_t bits) {
  const Bytes name = terminated(label);
  return blocks(1, bits, [&](std::size_t counter) {
    return hashed(algorithm, {number_bytes(counter), z, name, party_u, party_v});
  });
}

Bytes mgf1(boot::Algorithm algorithm, ByteView seed, std::size_t size_bytes) {
  return blocks(0, size_bytes * 8, [&](std::size_t counter) {
    return hashed(algorithm, {seed, number_bytes(counter)});
  });
}

}  // namespace stele::attest
