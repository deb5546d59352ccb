// SHA-256 of sixteen messages at once, one in each lane of the processor's widest vectors
// (AVX-512).
//
// A lane costs about a fifth of a hash through OpenSSL where messages are short: no call for each,
// and sixteen compressions in the time of five. Only hash_many.h calls this.
// Thread safety: pure functions. Errors: none; where has_sha256_lanes() is false, not to be called.
// See: FIPS 180-4, sections 5.1.1 (padding) and 6.2.2 (the hash computation).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "attest/hash.h"

namespace stele::attest {

constexpr std::size_t kSha256Lanes = 16;
constexpr std::size_t kSha256BlockBytes = 64;

// One lane's message, already padded. All that lies within the longest lane's number of blocks
// must be readable behind `padded` of every lane.
struct Sha256Lane {
  const std::uint8_t* padded = nullptr;
  std::size_t blocks = 0;  // at least 1
  Hash* out = nullptr;     // none: an idle lane
};

bool has_sha256_lanes();
void sha256_lanes(const std::array<Sha256Lane, kSha256Lanes>& lanes);

}  // namespace stele::attest
