#include "attest/record.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/hash_many.h"

namespace stele::attest {
namespace {

template <class T>
std::uint8_t* put(std::uint8_t* at, T v) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    *at++ = static_cast<std::uint8_t>(static_cast<std::uint64_t>(v) >> shift);
  }
  return at;
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::event: return "event";
    case Kind::genesis: return "genesis";
    case Kind::boot: return "boot";
    case Kind::source: return "source";
    case Kind::gap: return "gap";
    case Kind::note: return "note";
    case Kind::config: return "config";
    case Kind::access: return "access";
    case Kind::erasure: return "erasure";
    case Kind::hold: return "hold";
    case Kind::era: return "era";
    case Kind::segment: return "segment";
    case Kind::witness: return "witness";
  }
  return "unknown";
}

// On the hot path: no allocation.
std::array<std::uint8_t, kLeafBytes> encode(const Leaf& leaf) {
  std::array<std::uint8_t, kLeafBytes> out;
  std::uint8_t* at = out.data();
  at = put(at, kLeafVersion);
  at = put(at, static_cast<std::uint8_t>(leaf.kind));
  at = put(at, static_cast<std::uint64_t>(leaf.time_ns));
  at = put(at, leaf.source);
  std::copy(leaf.commitment.bytes.begin(), leaf.commitment.bytes.end(), at);
  return out;
}

Result<Leaf> decode_leaf(ByteView bytes) {
  Reader in(bytes);
  const std::uint8_t version = in.u8();
  if (in.failed()) return Defect(Fault::leaf_malformed, {}, "empty leaf");
  if (version != kLeafVersion) {
    return Defect(Fault::leaf_version_unknown, {}, "leaf version " + std::to_string(version));
  }
  Leaf leaf;
  leaf.kind = static_cast<Kind>(in.u8());
  leaf.time_ns = in.i64();
  leaf.source = in.u64();
  leaf.commitment = in.hash();
  if (!in.done()) {
    return Defect(Fault::leaf_malformed, {}, "leaf of " + std::to_string(bytes.size()) + " bytes");
  }
  return leaf;
}

Hash leaf_hash(ByteView encoded_leaf) {
  static constexpr std::uint8_t kPrefix[] = {0x00};
  return hash({ByteView(kPrefix), encoded_leaf});
}

Hash commit(const Content& content) {
  std::array<std::uint8_t, 4> tlv_length;
  std::array<std::uint8_t, 8> length;
  put(tlv_length.data(), static_cast<std::uint32_t>(content.tlvs.size()));
  put(length.data(), static_cast<std::uint64_t>(content.bytes.size()));
  return hash({tag("stele/v1/content"), content.salt, tlv_length, content.tlvs, length, content.bytes});
}

void commit_many(std::span<const Content> contents, std::span<Hash> out) {
  ENSURE(contents.size() == out.size());
  HashMany& many = hash_many();
  std::array<std::uint8_t, 4> tlv_length;
  std::array<std::uint8_t, 8> length;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    const Content& content = contents[i];
    put(tlv_length.data(), static_cast<std::uint32_t>(content.tlvs.size()));
    put(length.data(), static_cast<std::uint64_t>(content.bytes.size()));
    many.add({tag("stele/v1/content"), content.salt, tlv_length, content.tlvs, length, content.bytes},
             out[i]);
  }
  many.finish();
}

void leaf_hash_many(ByteView encoded_leaves, std::span<Hash> out) {
  static constexpr std::uint8_t kPrefix[] = {0x00};
  ENSURE(encoded_leaves.size() == out.size() * kLeafBytes);
  HashMany& many = hash_many();
  for (std::size_t i = 0; i < out.size(); ++i) {
    many.add({ByteView(kPrefix), encoded_leaves.subspan(i * kLeafBytes, kLeafBytes)}, out[i]);
  }
  many.finish();
}

Result<void> verify_tlvs(ByteView tlvs) {
  Reader in(tlvs);
  int previous = -1;
  while (in.left() > 0) {
    const std::uint16_t type = in.u16();
    in.sized32();
    if (in.failed()) return Defect(Fault::truncated, Place::byte(in.at()), "TLV");
    if (type <= previous) {
      return Defect(Fault::value_out_of_range, Place::byte(in.at()), "TLV types do not ascend");
    }
    previous = type;
  }
  return ok();
}

void append_tlv(Bytes& tlvs, TlvType type, ByteView value) {
  Writer(tlvs).u16(static_cast<std::uint16_t>(type)).sized32(value);
  ENSURE(verify_tlvs(tlvs));
}

}  // namespace stele::attest
