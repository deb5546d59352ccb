// SHA-256, the only hash of the formats, through one reused OpenSSL context per thread.
//
// Formulas are written as H(a ‖ b): hash({a, b}). See: FIPS 180-4.
// Thread safety: functions are; a Hasher belongs to one thread. Errors: OpenSSL failing is an
// accident (throws std::runtime_error).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stele::attest {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

struct Hash {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const Hash&) const = default;
  operator ByteView() const { return bytes; }
};

// The bytes of a text, a terminating NUL excluded. For a domain tag use tag().
ByteView view(std::string_view text);

// A domain tag: the text and one NUL byte, as in H("stele/v1/anchor\0" ‖ …).
template <std::size_t N>
constexpr ByteView tag(const char (&text)[N]) {
  return {reinterpret_cast<const std::uint8_t*>(text), N};
}

// One incremental SHA-256.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  Hasher& update(ByteView bytes);
  Hash finish();  // and starts anew

 private:
  void* context_;
};

Hash hash(ByteView bytes);
Hash hash(std::initializer_list<ByteView> parts);

std::string to_hex(ByteView bytes);                        // lower case
std::optional<Bytes> from_hex(std::string_view text);      // lower or upper case, even length
std::optional<Hash> hash_from_hex(std::string_view text);  // exactly 64 digits

}  // namespace stele::attest
