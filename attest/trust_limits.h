// What a trust file may be at most, however many eras it pins.
//
// Thread safety: constants.
#pragma once

#include <cstddef>

namespace stele::attest {

// Bytes, signatures included. Each era may bring a boot policy of 8,192 rules, so that 64 of them
// would be 47 MiB; whoever judges a bundle holds the file whole, as text and as rules, before a
// signature was checked. An era without a policy takes about 1.5 KiB, so all 64 with a policy of
// 200 rules each fit, or one policy of 8,192: an auditor drops those of eras that have ended.
constexpr std::size_t kMaxTrustFileBytes = 1u << 20;

}  // namespace stele::attest
