// The hashes of PCR banks: their TPM numbers, sizes and digests.
//
// A bank whose hash is not listed here can be read past (a log declares the sizes), never replayed.
// Thread safety: pure. Errors: OpenSSL failing at a hash that it has throws std::runtime_error; a
// hash that this OpenSSL was built without (SM3 may be) is nothing. See: TCG Algorithm Registry
// (TPM_ALG_ID); TPM 2.0 Library Part 1, 17 (PCR).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "attest/hash.h"

namespace stele::attest::boot {

enum class Algorithm : std::uint16_t {
  sha1 = 0x0004,
  sha256 = 0x000b,
  sha384 = 0x000c,
  sha512 = 0x000d,
  sm3 = 0x0012,
};
constexpr Algorithm kAlgorithms[] = {Algorithm::sha1, Algorithm::sha256, Algorithm::sha384,
                                     Algorithm::sha512, Algorithm::sm3};

constexpr std::uint32_t kPcrs = 24;  // what a PC Client TPM has in each bank

std::string_view name(Algorithm);     // "sha256"; "unknown" for a number not listed
std::size_t digest_bytes(Algorithm);  // 0 for a number not listed
bool can_digest(Algorithm);           // whether digest() gives a value
std::optional<Bytes> digest(Algorithm, std::initializer_list<ByteView> parts);

// The value after TPM2_PCR_Extend: H(value ‖ measured), in place. Call only if can_digest.
void extend(Algorithm, Bytes& value, ByteView measured);

}  // namespace stele::attest::boot
