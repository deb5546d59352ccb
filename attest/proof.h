// A proof: one record, its path to an anchored root, the statement and the TPM's receipt for it.
//
//   magic "STELEPRF" · version u16 = 1 · parts u8 (bit 0: content, bit 1: quote) · index u64 · leaf 50
//   path count u8 · path hashes · statement 256 · receipt kind u8 · audit part · [quote part]
//   [content] salt 32 · tlvs sized32 · bytes sized32
//
// Without quote and content at most 2,048 bytes, for any tree below 2^27 records about 1,440.
// Thread safety: values. Errors: decode as usual; verify through Appraiser::appraise_proof.
#pragma once

#include <optional>

#include "attest/merkle.h"
#include "attest/receipt.h"
#include "attest/record.h"

namespace stele::attest {

constexpr std::size_t kMaxProofPath = 64;  // hashes: a tree's size has as many bits

struct Proof {
  std::uint64_t index = 0;
  std::array<std::uint8_t, kLeafBytes> leaf{};
  InclusionProof path;
  std::array<std::uint8_t, kStatementBytes> statement{};
  Receipt receipt;  // kind full or read_back; digest is the statement's, the quote may be left out
  struct OwnedContent {
    Hash salt;
    Bytes tlvs;
    Bytes bytes;
    bool operator==(const OwnedContent&) const = default;
  };
  std::optional<OwnedContent> content;
  bool operator==(const Proof&) const = default;
};
Bytes encode(const Proof& proof);
Result<Proof> decode_proof(ByteView bytes);

}  // namespace stele::attest
