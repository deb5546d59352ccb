// KDFa and KDFe: how a TPM derives keys from a shared secret, and the MGF1 that its OAEP uses.
//
// Labels are text; the NUL that the TPM puts behind them is added here. Bits that are over in the
// first byte of a result are cleared. Thread safety: pure. Errors: OpenSSL failing throws
// std::runtime_error. Preconditions: can_digest(algorithm); bits ≤ kMaxKdfBits.
// See: TPM 2.0 Library Part 1, 11.4.10 (KDFa, KDFe), B.4 (OAEP); NIST SP 800-108, SP 800-56A.
#pragma once

#include "attest/boot/bank.h"
#include "attest/hash.h"

namespace stele::attest {

constexpr std::size_t kMaxKdfBits = 1u << 16;

Bytes hmac(boot::Algorithm algorithm, ByteView key, std::initializer_list<ByteView> parts);
// Blocks HMAC(key, counter u32 ‖ label ‖ 00 ‖ context_u ‖ context_v ‖ bits u32), counter from 1.
Bytes kdf_a(boot::Algorithm algorithm, ByteView key, std::string_view label, ByteView context_u,
            ByteView context_v, std::size_t bits);
// Blocks H(counter u32 ‖ z ‖ label ‖ 00 ‖ party_u ‖ party_v).
Bytes kdf_e(boot::Algorithm algorithm, ByteView z, std::string_view label, ByteView party_u,
            ByteView party_v, std::size_t bits);
// The mask of RFC 8017, B.2.1: blocks H(seed ‖ counter u32), counter from 0.
Bytes mgf1(boot::Algorithm algorithm, ByteView seed, std::size_t size_bytes);

}  // namespace stele::attest
