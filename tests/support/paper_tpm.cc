#include "tests/support/paper_tpm.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

#include "attest/codec.h"

namespace stele::test {

using attest::Bytes;
using attest::ByteView;
using attest::Hash;
using attest::Writer;

namespace {

void must(int result) {
  if (result != 1) throw std::runtime_error("OpenSSL failed");
}

attest::Name nv_name(std::uint32_t handle, std::uint32_t attributes, std::uint16_t size) {
  Bytes area;  // TPMS_NV_PUBLIC
  Writer(area).u32(handle).u16(0x000b).u32(attributes).u16(0).u16(size);
  return attest::make_name(area);
}

// An INTEGER of a DER signature, padded left to 32 bytes.
std::size_t read_integer(ByteView der, std::size_t at, std::array<std::uint8_t, 32>& out) {
  std::size_t length = der[at + 1];
  ByteView value = der.subspan(at + 2, length);
  while (value.size() > out.size()) value = value.subspan(1);
  std::copy(value.begin(), value.end(), out.end() - static_cast<std::ptrdiff_t>(value.size()));
  return at + 2 + length;
}

}  // namespace

struct PaperTpm::Key {
  EVP_PKEY* pkey = EVP_EC_gen("P-256");
  Key() { must(pkey != nullptr); }
  ~Key() { EVP_PKEY_free(pkey); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  Bytes coordinate(const char* name) const {
    BIGNUM* n = nullptr;
    must(EVP_PKEY_get_bn_param(pkey, name, &n));
    Bytes out(32);
    const int written = BN_bn2binpad(n, out.data(), static_cast<int>(out.size()));
    BN_free(n);
    must(written == 32);
    return out;
  }

  Bytes public_area(const AkTemplate& t) const {
    Bytes out;
    Writer(out)
        .u16(t.type)
        .u16(t.name_algorithm)
        .u32(t.attributes)
        .sized16({})  // policy
        .u16(0x0010)  // no symmetric algorithm
        .u16(t.scheme)
        .u16(t.scheme_hash)
        .u16(t.curve)
        .u16(0x0010)  // no KDF
        .sized16(coordinate(OSSL_PKEY_PARAM_EC_PUB_X))
        .sized16(coordinate(OSSL_PKEY_PARAM_EC_PUB_Y));
    return out;
  }
};

std::shared_ptr<const PaperTpm::Key> PaperTpm::make_key() {
  return std::make_shared<const Key>();
}

PaperTpm::PaperTpm(std::uint8_t pcr) : PaperTpm(make_key(), pcr) {}

PaperTpm::PaperTpm(std::shared_ptr<const Key> key, std::uint8_t pcr)
    : run{0x80001234, 0x40005678},
      restart_base(0x40005678),
      key_(std::move(key)),
      identity_{attest::AttestationPublic::parse(key_->public_area({})).value(),
                nv_name(0x01805354, 0x22060014, 8), nv_name(0x01805355, 0x22060044, 32), pcr} {
  for (std::uint8_t i = 0; i < 8; ++i) pcrs[i] = attest::hash(ByteView(&i, 1));
}

Bytes PaperTpm::public_area(const AkTemplate& wanted) const {
  return key_->public_area(wanted);
}

void PaperTpm::provision(ByteView genesis, std::uint64_t first_counter) {
  counter = first_counter;
  extend = attest::first_extend(genesis);
}

void PaperTpm::reset() {
  run.reset += 1;
  run.restart = restart_base;
  pcrs.back() = Hash{};
}

void PaperTpm::restart() {
  run.restart += 1;
  pcrs.back() = Hash{};
}

void PaperTpm::resume() {
  run.restart += 1;
}

void PaperTpm::extend_pcr(const Hash& digest) {
  pcrs.back() = attest::extended(pcrs.back(), digest);
}

void PaperTpm::extend_index(const Hash& digest) {
  extend = attest::extended(extend, digest);
}

attest::Receipt PaperTpm::full_anchor(const attest::Statement& statement) {
  const Hash digest = attest::statement_digest(attest::encode(statement));
  increment();
  extend_index(digest);
  attest::Receipt receipt{attest::ReceiptKind::full, digest, {}, {}};
  receipt.audit = audit(attest::full_session_digest(identity_, digest, counter, extend), digest);
  receipt.quote = quote(digest);
  return receipt;
}

attest::Receipt PaperTpm::read_back(const Hash& digest, bool with_quote) const {
  attest::Receipt receipt{attest::ReceiptKind::read_back, digest, {}, {}};
  receipt.audit = audit(attest::read_session_digest(identity_, counter, extend),
                        attest::read_back_extra_data(digest));
  if (with_quote) receipt.quote = quote(digest);
  return receipt;
}

attest::Receipt PaperTpm::genesis_receipt(ByteView genesis) const {
  return read_back(attest::genesis_digest(genesis), false);
}

attest::Receipt PaperTpm::quote_receipt(const Hash& digest) const {
  return {attest::ReceiptKind::quote, digest, {}, quote(digest)};
}

attest::QuotePart PaperTpm::quote(const Hash& extra_data) const {
  Bytes values;
  for (const Hash& value : pcrs) Writer(values).bytes(value);
  return {sign(attest_quote(0xffu | 1u << identity_.pcr, attest::hash(values), extra_data)), pcrs};
}

attest::AuditPart PaperTpm::audit(const Hash& session_digest, const Hash& extra_data) const {
  return {counter, extend, sign(attest_audit(session_digest, extra_data))};
}

attest::Bundle PaperTpm::bundle(const std::array<std::uint8_t, 16>& boot_id, bool with_ima) const {
  attest::Bundle out;
  out.boot_id = boot_id;
  out.counter = counter;
  out.extend = extend;
  out.event_log_hash = out.ima_hash = attest::hash(ByteView{});
  const Hash extra_data = attest::bundle_extra_data(out);
  out.quote = quote(extra_data);
  if (with_ima) {
    const Hash pcr10 = attest::hash(attest::view("ima"));
    out.ima = attest::Bundle::ImaQuote{
        sign(attest_quote(1u << 10, attest::hash(pcr10), extra_data)), pcr10};
  }
  return out;
}

void PaperTpm::answer(attest::Answer& answer) const {
  const Hash extra_data = attest::answer_extra_data(answer);
  answer.audit = audit(attest::read_session_digest(identity_, counter, extend), extra_data);
  answer.quote = quote(extra_data);
}

Bytes PaperTpm::attest_header(std::uint16_t type, ByteView extra_data) const {
  Bytes out;
  Writer(out)
      .u32(attest::kTpmGenerated)
      .u16(type)
      .sized16(identity_.ak.qualified_name())
      .sized16(extra_data)
      .u64(clock_ms)
      .u32(run.reset)
      .u32(run.restart)
      .u8(clock_safe ? 1 : 0)
      .u64(firmware);
  return out;
}

Bytes PaperTpm::attest_audit(const Hash& session_digest, ByteView extra_data,
                             bool exclusive) const {
  Bytes out = attest_header(attest::kAttestSessionAudit, extra_data);
  Writer(out).u8(exclusive ? 1 : 0).sized16(session_digest);
  return out;
}

Bytes PaperTpm::attest_quote(std::uint32_t selected, ByteView pcr_digest,
                             ByteView extra_data) const {
  Bytes out = attest_header(attest::kAttestQuote, extra_data);
  Writer writer(out);
  writer.u32(1).u16(0x000b).u8(3);
  for (int shift = 0; shift < 24; shift += 8)
    writer.u8(static_cast<std::uint8_t>(selected >> shift));
  writer.sized16(pcr_digest);
  return out;
}

attest::SignedAttestation PaperTpm::sign(Bytes attest) const {
  attest::SignedAttestation out;
  std::array<std::uint8_t, 80> der{};
  std::size_t size = der.size();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  must(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_->pkey));
  must(EVP_DigestSign(context, der.data(), &size, attest.data(), attest.size()));
  EVP_MD_CTX_free(context);
  read_integer(der, read_integer(der, 2, out.r), out.s);
  out.attest = std::move(attest);
  return out;
}

}  // namespace stele::test
