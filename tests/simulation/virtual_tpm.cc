#include "tests/simulation/virtual_tpm.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <stdexcept>

#include "attest/codec.h"
#include "tpm/error.h"

namespace stele::test {

using attest::Bytes;
using attest::ByteView;
using attest::Hash;
using attest::Writer;

namespace {

constexpr std::uint32_t kFirstSession = 0x02000000;
constexpr std::size_t kLoadedSessions = 3;
// Added to what an owner-hierarchy key signs, so that only differences mean anything.
constexpr attest::Run kObfuscation{0x80001234, 0x40005678};

constexpr std::uint32_t kSessionMemory = 0x903, kNoSession = 0x910, kExclusive = 0x121,
                        kUninitialized = 0x14A, kDefined = 0x14C, kHandle = 0x18B, kType = 0x38A,
                        kBadAuth = 0x9A2;
constexpr std::uint32_t kNvIncrement = 0x134, kNvExtend = 0x136, kNvRead = 0x14E;

void must(bool done) {
  if (!done) throw std::runtime_error("OpenSSL failed");
}

attest::Name nv_name(std::uint32_t handle, std::uint32_t attributes, std::uint16_t size) {
  Bytes area;  // TPMS_NV_PUBLIC
  Writer(area).u32(handle).u16(0x000b).u32(attributes).u16(0).u16(size);
  return attest::make_name(area);
}

struct Number {
  BIGNUM* n = BN_new();
  Number() { must(n != nullptr); }
  explicit Number(const Hash& bytes) : Number() {
    must(BN_bin2bn(bytes.bytes.data(), static_cast<int>(bytes.bytes.size()), n) != nullptr);
  }
  ~Number() { BN_free(n); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  std::array<std::uint8_t, 32> padded() const {
    std::array<std::uint8_t, 32> out{};
    must(BN_bn2binpad(n, out.data(), static_cast<int>(out.size())) == 32);
    return out;
  }
};

}  // namespace

// The AK: a private scalar, and what is public of it.
struct VirtualTpm::Key {
  EC_GROUP* group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  BN_CTX* context = BN_CTX_new();
  Number secret;
  std::optional<attest::AttestationPublic> parsed;

  explicit Key(std::uint64_t seed) {
    must(group != nullptr && context != nullptr);
    Bytes bytes;
    Writer(bytes).u64(seed);
    const Number scalar(attest::hash({attest::view("attestation key"), bytes}));
    must(BN_nnmod(secret.n, scalar.n, EC_GROUP_get0_order(group), context) == 1);
    Number x, y;
    multiply(secret, x, &y);
    Bytes area;
    Writer(area).u16(0x0023).u16(0x000b).u32(0x00050472).sized16({}).u16(0x0010);
    Writer(area).u16(0x0018).u16(0x000b).u16(0x0003).u16(0x0010);
    Writer(area).sized16(x.padded()).sized16(y.padded());
    parsed = attest::AttestationPublic::parse(area).value();
  }
  ~Key() {
    BN_CTX_free(context);
    EC_GROUP_free(group);
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  void multiply(const Number& scalar, Number& x, Number* y = nullptr) const {
    EC_POINT* point = EC_POINT_new(group);
    must(point != nullptr && EC_POINT_mul(group, point, scalar.n, nullptr, nullptr, context) == 1);
    must(EC_POINT_get_affine_coordinates(group, point, x.n, y ? y->n : nullptr, context) == 1);
    EC_POINT_free(point);
  }

  // ECDSA; the nonce follows from key and message, so that the same message gets the same bytes.
  attest::SignedAttestation sign(Bytes attest) const {
    const BIGNUM* order = EC_GROUP_get0_order(group);
    const Hash message = attest::hash(attest);
    const Number wide(attest::hash({attest::view("nonce"), secret.padded(), message}));
    Number nonce, r, s, x;
    must(BN_nnmod(nonce.n, wide.n, order, context) == 1);
    multiply(nonce, x);
    must(BN_nnmod(r.n, x.n, order, context) == 1);
    const Number z(message);
    must(BN_mod_mul(s.n, r.n, secret.n, order, context) == 1);
    must(BN_mod_add(s.n, s.n, z.n, order, context) == 1);
    must(BN_mod_inverse(x.n, nonce.n, order, context) != nullptr);
    must(BN_mod_mul(s.n, s.n, x.n, order, context) == 1);
    return {std::move(attest), r.padded(), s.padded()};
  }
};

VirtualTpm::VirtualTpm(std::uint64_t seed) : key_(std::make_shared<const Key>(seed)) {
  nv_.resets = 1;
  nv_.largest_count = seed % 100;
  for (std::uint8_t i = 0; i < 8; ++i) pcrs_[i] = attest::hash(ByteView(&i, 1));
}

const attest::AttestationPublic& VirtualTpm::ak() const {
  return *key_->parsed;
}

attest::TpmIdentity VirtualTpm::identity(std::uint8_t pcr) const {
  return {*key_->parsed, nv_name(0x01805354, 0x22060014, 8), nv_name(0x01805355, 0x22060044, 32),
          pcr};
}

attest::Name VirtualTpm::name(Index which) const {
  const bool counter = which == Index::counter;
  const NvIndex& at = counter ? nv_.counter : nv_.extend;
  const std::uint32_t written = at.written ? 0x20000000 : 0;
  return counter ? nv_name(0x01805354, 0x02060014 | written, 8)
                 : nv_name(0x01805355, 0x02060044 | written, 32);
}

std::uint32_t VirtualTpm::start_session() {
  begin("TPM2_StartAuthSession");
  if (sessions_.size() >= kLoadedSessions)
    throw tpm::TpmError(kSessionMemory, "TPM2_StartAuthSession");
  std::uint32_t handle = kFirstSession;
  while (sessions_.contains(handle)) ++handle;
  sessions_[handle] = {};
  exclusive_ = 0;
  return handle;
}

void VirtualTpm::flush(std::uint32_t session) {
  begin("TPM2_FlushContext");
  if (sessions_.erase(session) == 0) throw tpm::TpmError(kHandle, "TPM2_FlushContext");
  if (exclusive_ == session) exclusive_ = 0;
}

void VirtualTpm::flush_all() {
  begin("TPM2_FlushContext");
  sessions_.clear();
  exclusive_ = 0;
}

void VirtualTpm::get_random() {
  begin("TPM2_GetRandom");
  exclusive_ = 0;
}

void VirtualTpm::find_ak() {
  begin("TPM2_ReadPublic");
  if (!nv_.ak_there) throw tpm::TpmError(kHandle, "TPM2_ReadPublic");
  exclusive_ = 0;
}

void VirtualTpm::define(Index which, const tpm::AuthValue& auth) {
  begin("TPM2_NV_DefineSpace");
  NvIndex& at = index(which);
  if (at.defined) throw tpm::TpmError(kDefined, "TPM2_NV_DefineSpace");
  at = {};
  at.defined = true;
  at.auth = auth;
  exclusive_ = 0;
}

void VirtualTpm::undefine(Index which) {
  begin("TPM2_NV_UndefineSpace");
  NvIndex& at = index(which);
  if (!at.defined) throw tpm::TpmError(kHandle, "TPM2_NV_UndefineSpace");
  nv_.largest_count = std::max(nv_.largest_count, nv_.counter.value);
  at = {};
  exclusive_ = 0;
}

bool VirtualTpm::read_public(Index which) {
  begin("TPM2_NV_ReadPublic");
  const NvIndex& at = index(which);
  if (!at.defined) throw tpm::TpmError(kHandle, "TPM2_NV_ReadPublic");
  exclusive_ = 0;
  return at.written;
}

VirtualTpm::NvIndex& VirtualTpm::authorise(Index which, const tpm::AuthValue& auth,
                                           const Session& session, const char* command) {
  begin(command);
  NvIndex& at = index(which);
  if (!at.defined) throw tpm::TpmError(kHandle, command);
  if (session) {
    const auto found = sessions_.find(session->session);
    if (found == sessions_.end()) throw tpm::TpmError(kNoSession, command);
    // Its first command makes it an audit session, exclusive whatever was before.
    const bool demanded = found->second.audit && session->audit == Audit::exclusive;
    if (demanded && exclusive_ != session->session) throw tpm::TpmError(kExclusive, command);
  }
  if (at.auth != auth) throw tpm::TpmError(kBadAuth, command);
  return at;
}

// After a command that did what it should: audit digest and exclusiveness.
void VirtualTpm::end(const Session& session, ByteView command, ByteView response) {
  if (!session) {
    exclusive_ = 0;
    return;
  }
  LoadedSession& used = sessions_.at(session->session);
  if (!used.audit || session->audit == Audit::reset) {
    used = {true, {}};
    exclusive_ = session->session;
  } else if (exclusive_ != session->session) {
    exclusive_ = 0;
  }
  used.digest =
      attest::hash({used.digest.bytes, attest::hash(command).bytes, attest::hash(response).bytes});
}

void VirtualTpm::increment(const tpm::AuthValue& auth, const Session& session) {
  NvIndex& at = authorise(Index::counter, auth, session, "TPM2_NV_Increment");
  const attest::Name before = name(Index::counter);
  at.value = (at.written ? at.value : nv_.largest_count) + 1;
  at.written = true;
  Bytes command, response;
  Writer(command).u32(kNvIncrement).bytes(before).bytes(before);
  Writer(response).u32(0).u32(kNvIncrement);
  end(session, command, response);
}

void VirtualTpm::extend(const tpm::AuthValue& auth, const Hash& digest, const Session& session) {
  NvIndex& at = authorise(Index::extend, auth, session, "TPM2_NV_Extend");
  const attest::Name before = name(Index::extend);
  at.digest = attest::extended(at.digest, digest);
  at.written = true;
  Bytes command, response;
  Writer(command).u32(kNvExtend).bytes(before).bytes(before).sized16(digest.bytes);
  Writer(response).u32(0).u32(kNvExtend);
  end(session, command, response);
}

Bytes VirtualTpm::read(Index which, const tpm::AuthValue& auth, const Session& session) {
  const NvIndex& at = authorise(which, auth, session, "TPM2_NV_Read");
  if (!at.written) throw tpm::TpmError(kUninitialized, "TPM2_NV_Read");
  Bytes value;
  if (which == Index::counter) {
    Writer(value).u64(at.value);
  } else {
    Writer(value).bytes(at.digest);
  }
  Bytes command, response;
  const auto size = static_cast<std::uint16_t>(value.size());
  Writer(command).u32(kNvRead).bytes(name(which)).bytes(name(which)).u16(size).u16(0);
  Writer(response).u32(0).u32(kNvRead).sized16(value);
  end(session, command, response);
  return value;
}

void VirtualTpm::set(std::uint64_t counter, const Hash& extend) {
  nv_.counter.value = counter;
  nv_.extend.digest = extend;
}

attest::Run VirtualTpm::signed_run() const {
  return {nv_.resets + kObfuscation.reset, nv_.restarts + kObfuscation.restart};
}

std::uint64_t VirtualTpm::firmware() {
  return 0x2022'0001'0203'0405;
}

Bytes VirtualTpm::attest_header(std::uint16_t type, const Hash& extra_data) const {
  Bytes out;
  Writer(out)
      .u32(attest::kTpmGenerated)
      .u16(type)
      .sized16(key_->parsed->qualified_name())
      .sized16(extra_data)
      .u64(clock_.ms)
      .u32(signed_run().reset)
      .u32(signed_run().restart)
      .u8(clock_.safe ? 1 : 0)
      .u64(firmware());
  return out;
}

VirtualTpm::Audited VirtualTpm::session_audit_digest(std::uint32_t session,
                                                     const Hash& extra_data) {
  begin("TPM2_GetSessionAuditDigest");
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) throw tpm::TpmError(kNoSession + 2, "TPM2_GetSessionAuditDigest");
  if (!nv_.ak_there) throw tpm::TpmError(kHandle, "TPM2_GetSessionAuditDigest");
  if (!found->second.audit) throw tpm::TpmError(kType, "TPM2_GetSessionAuditDigest");
  Audited audited{exclusive_ == session, found->second.digest, {}};
  Bytes attest = attest_header(attest::kAttestSessionAudit, extra_data);
  Writer(attest).u8(audited.exclusive ? 1 : 0).sized16(audited.digest);
  audited.signed_attestation = key_->sign(std::move(attest));
  forget_shutdown();
  exclusive_ = 0;
  return audited;
}

Hash VirtualTpm::pcr_read(std::uint8_t pcr) {
  begin("TPM2_PCR_Read");
  exclusive_ = 0;
  return pcrs_.at(pcr);
}

void VirtualTpm::pcr_extend(std::uint8_t pcr, const Hash& digest) {
  begin("TPM2_PCR_Extend");
  pcrs_.at(pcr) = attest::extended(pcrs_.at(pcr), digest);
  forget_shutdown();
  exclusive_ = 0;
}

attest::SignedAttestation VirtualTpm::quote(std::uint32_t selected, const Hash& extra_data) {
  begin("TPM2_Quote");
  if (!nv_.ak_there) throw tpm::TpmError(kHandle, "TPM2_Quote");
  Bytes values;
  for (std::size_t i = 0; i < pcrs_.size(); ++i) {
    if ((selected >> i & 1) != 0) Writer(values).bytes(pcrs_[i]);
  }
  Bytes attest = attest_header(attest::kAttestQuote, extra_data);
  Writer(attest).u32(1).u16(0x000b).u8(3);
  for (int shift = 0; shift < 24; shift += 8)
    Writer(attest).u8(static_cast<std::uint8_t>(selected >> shift));
  Writer(attest).sized16(attest::hash(values));
  forget_shutdown();
  exclusive_ = 0;
  return key_->sign(std::move(attest));
}

tpm::Clock VirtualTpm::read_clock() {
  begin("TPM2_ReadClock");
  exclusive_ = 0;
  return {clock_.ms, {nv_.resets, nv_.restarts}, clock_.safe};
}

}  // namespace stele::test
