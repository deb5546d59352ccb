// A record: an event as committed, its leaf (in the tree) and its content (erasable, apart).
//
//   leaf, 50 bytes: version u8 = 1 · kind u8 · time i64 (ns since 1970, UTC) · source u64 · commitment 32
//   leaf hash       H(0x00 ‖ leaf)                                   (RFC 9162 2.1.1; one SHA-256 block)
//   commitment      H("stele/v1/content\0" ‖ salt 32 ‖ tlv length u32 ‖ TLVs ‖ length u64 ‖ bytes)
//   TLV             type u16 · length u32 · value; types ascending, none twice
//
// Thread safety: pure functions. Errors: decode_leaf: leaf_malformed, leaf_version_unknown.
// Trust: leaves and content come from the host under judgement.
#pragma once

#include <cstdint>
#include <span>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::attest {

constexpr std::uint8_t kLeafVersion = 1;
constexpr std::size_t kLeafBytes = 50;
constexpr std::uint64_t kNoSource = ~std::uint64_t{0};
// A record's source lies fewer than this many records before it; the daemon writes the source
// record anew when it would be older. So a verifier needs 128 KiB for this rule, whatever the log's size.
constexpr std::uint64_t kSourceWindow = std::uint64_t{1} << 20;
constexpr std::uint32_t kMaxContentBytes = 64u << 20;  // of the format; the daemon's limit is lower

enum class Kind : std::uint8_t {
  event = 0, genesis = 1, boot = 2, source = 3, gap = 4, note = 5, config = 6, access = 7,
  erasure = 8, hold = 9, era = 10, segment = 11, witness = 12,
};
constexpr std::uint8_t kFirstUnknownCriticalKind = 0x80;
std::string_view name(Kind);  // "event"; "kind-13" style for unknown ones is the caller's

// TLV types of content. Unknown types are kept and committed to like any other.
enum class TlvType : std::uint16_t { idempotency_key_hash = 1, sender_position = 2 };

struct Leaf {
  Kind kind = Kind::event;
  std::int64_t time_ns = 0;
  std::uint64_t source = kNoSource;
  Hash commitment;
  bool operator==(const Leaf&) const = default;
};

std::array<std::uint8_t, kLeafBytes> encode(const Leaf& leaf);
Result<Leaf> decode_leaf(ByteView bytes);
Hash leaf_hash(ByteView encoded_leaf);

// What a record's commitment is made of. Views: the bytes live elsewhere.
struct Content {
  Hash salt;
  ByteView tlvs;
  ByteView bytes;
};
Hash commit(const Content& content);

// The same of many at once, which is faster; `out` has as many places.
void commit_many(std::span<const Content> contents, std::span<Hash> out);
// encoded_leaves: one after another, of kLeafBytes each.
void leaf_hash_many(ByteView encoded_leaves, std::span<Hash> out);

// TLVs, as one canonical byte string.
Result<void> verify_tlvs(ByteView tlvs);
void append_tlv(Bytes& tlvs, TlvType type, ByteView value);  // in ascending order of type

}  // namespace stele::attest
