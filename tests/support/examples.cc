#include "tests/support/examples.h"

#include <algorithm>

#include "attest/codec.h"

namespace stele::test {
namespace {

using namespace attest;

// 2026-11-23T08:00:00Z
constexpr std::int64_t kMoment = 1'795'420'800'000'000'000;

Name name_of(ByteView public_area) {
  Name name{0x00, 0x0b};
  const Hash digest = hash(public_area);
  std::copy(digest.bytes.begin(), digest.bytes.end(), name.begin() + 2);
  return name;
}

// TPMS_NV_PUBLIC of C or E, written, without a policy.
Name index_name(std::uint32_t handle, std::uint32_t attributes, std::uint16_t size) {
  Bytes area;
  Writer(area).u32(handle).u16(0x000b).u32(attributes).u16(0).u16(size);
  return name_of(area);
}

}  // namespace

Hash filled(std::uint8_t byte) {
  Hash out;
  out.bytes.fill(byte);
  return out;
}

Bytes example_tlvs() {
  Bytes value, tlvs;
  Writer(value).u64(42);
  append_tlv(tlvs, TlvType::sender_position, value);
  return tlvs;
}

Content example_content(const Bytes& tlvs) {
  return {filled(0x5a), tlvs, view("<86>Nov 23 08:00:00 host sshd[7]: session opened for root")};
}

Leaf example_leaf() {
  const Bytes tlvs = example_tlvs();
  return {Kind::event, kMoment, 1, commit(example_content(tlvs))};
}

Bytes example_ak() {
  const auto x = from_hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
  const auto y = from_hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  Bytes out;
  Writer(out)
      .u16(0x0023)      // TPM_ALG_ECC
      .u16(0x000b)      // SHA-256
      .u32(0x00050472)  // restricted, sign, noDA, ...
      .u16(0)           // no policy
      .u16(0x0010)      // no symmetric
      .u16(0x0018)      // ECDSA
      .u16(0x000b)
      .u16(0x0003)  // P-256
      .u16(0x0010)  // no KDF
      .sized16(*x)
      .sized16(*y);
  return out;
}

Bytes example_ek() {
  const Bytes ak = example_ak();
  const ByteView coordinates = ByteView(ak).last(2 * 34);  // both with their sizes
  Bytes out;
  Writer(out)
      .u16(0x0023)
      .u16(0x000b)
      .u32(0x000300b2)
      .sized16(*from_hex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"))
      .u16(0x0006)
      .u16(128)
      .u16(0x0043)
      .u16(0x0010)
      .u16(0x0003)
      .u16(0x0010)
      .bytes(coordinates);
  return out;
}

EnrolmentRequest example_identity_request() {
  return IdentityRequest{filled(0x66), 0x01c0000a};
}

Genesis example_genesis() {
  Genesis genesis;
  genesis.mode = Mode::a;
  genesis.pcr = 12;
  genesis.salt = filled(0x11);
  genesis.ak_name = name_of(example_ak());
  genesis.counter_name = index_name(0x01800010, 0x22060014, 8);
  genesis.extend_name = index_name(0x01800011, 0x22060044, 32);
  genesis.created_ns = kMoment;
  genesis.origin = "log.example/host1";
  return genesis;
}

Statement example_statement() {
  const Bytes genesis = encode(example_genesis());
  Statement statement;
  statement.flags = kFirstOfRun | kHeartbeat;
  statement.log_id = log_id(genesis);
  statement.seq = 1;
  statement.counter = 8;
  const auto leaf = encode(example_leaf());
  statement.tree = {1, leaf_hash(leaf)};
  statement.chain_head = statement.log_id;
  statement.prev_extend = first_extend(genesis);
  statement.prev_receipt = filled(0x22);
  statement.bundle = filled(0x33);
  statement.wallclock_ns = kMoment;
  statement.run = {1000, 3};
  return statement;
}

Voided example_voided() { return {VoidReason::run_changed, statement_digest(encode(example_statement()))}; }

Remark example_remark() { return {RemarkCode::contended, kMoment, 1, "8 tries were interrupted"}; }

NoteSigner example_auditor() { return {"auditor.example", 7}; }

Checkpoint example_checkpoint() {
  return {example_genesis().origin, example_statement().tree, {}};
}

TrustFile example_trust() {
  const Genesis genesis = example_genesis();
  const Bytes encoded = encode(genesis);
  TrustFile trust;
  trust.origin = genesis.origin;
  trust.log_id = log_id(encoded);
  trust.era = genesis.era;
  trust.mode = genesis.mode;
  trust.ak = example_ak();
  trust.counter_name = genesis.counter_name;
  trust.extend_name = genesis.extend_name;
  trust.pcr = genesis.pcr;
  trust.first_counter = 7;
  trust.first_extend = first_extend(encoded);
  trust.base_reset = 1000;
  trust.base_restart = 3;
  trust.base_firmware = 0x2026112300000000;
  trust.tpm_kind = TpmKind::discrete;
  trust.tpm_manufacturer = "IFX";
  trust.tpm_model = "SLB9672 example";
  return trust;
}

std::vector<AcknowledgedExtend> example_acknowledged() {
  return {{4, hash(view("a statement"))}, {17, hash(view("another one"))}};
}

boot::BootPolicy example_boot_policy() {
  using boot::Algorithm;
  boot::BootPolicy policy;
  policy.values[7] = {*boot::digest(Algorithm::sha256, {view("secure boot is on")})};
  policy.digests[4] = {*boot::digest(Algorithm::sha256, {view("a boot loader")})};
  return policy;
}

}  // namespace stele::test
