// AttestationPublic: the AK's public area judged, and its signatures verified, through OpenSSL.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <algorithm>
#include <stdexcept>

#include "attest/attestation.h"
#include "attest/check.h"
#include "attest/codec.h"
#include "attest/openssl_pointer.h"

namespace stele::attest {
namespace {

constexpr std::uint16_t kAlgEcc = 0x0023;
constexpr std::uint16_t kAlgSha256 = 0x000b;
constexpr std::uint16_t kAlgNull = 0x0010;
constexpr std::uint16_t kAlgEcdsa = 0x0018;
constexpr std::uint16_t kCurveP256 = 0x0003;
// restricted | sign | fixedTPM | fixedParent | sensitiveDataOrigin | userWithAuth | noDA
constexpr std::uint32_t kAkAttributes = 0x00050472;
constexpr std::size_t kCoordinateBytes = 32;

// OpenSSL's error queue belongs to the thread; what we leave in it would be blamed on others.
struct KeyErrors {
  ~KeyErrors() { ERR_clear_error(); }
};

struct EccPoint {
  std::array<std::uint8_t, 1 + 2 * kCoordinateBytes> uncompressed{0x04};
};

bool place_coordinate(ByteView value, std::uint8_t* to) {
  if (value.empty() || value.size() > kCoordinateBytes) return false;
  std::copy(value.begin(), value.end(), to + (kCoordinateBytes - value.size()));
  return true;
}

// The EVP_PKEY of a point, or nothing when it does not lie on the curve.
std::shared_ptr<void> make_key(const EccPoint& point) {
  const KeyErrors queue;
  Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  if (!build) throw std::runtime_error("OpenSSL: out of memory");
  if (OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                       point.uncompressed.data(), point.uncompressed.size()) != 1) {
    throw std::runtime_error("OpenSSL: cannot describe a key");
  }
  Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(build.get()));
  Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1) {
    throw std::runtime_error("OpenSSL: no EC keys");
  }
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  std::shared_ptr<void> owned(key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!check || EVP_PKEY_public_check(check.get()) != 1) return nullptr;
  return owned;
}

// A positive INTEGER in DER: no leading zeros but one that keeps the sign bit clear.
void append_integer(Bytes& out, const std::array<std::uint8_t, 32>& value) {
  auto first = std::find_if(value.begin(), value.end() - 1, [](std::uint8_t b) { return b != 0; });
  const bool pad = (*first & 0x80) != 0;
  out.push_back(0x02);
  out.push_back(static_cast<std::uint8_t>((value.end() - first) + (pad ? 1 : 0)));
  if (pad) out.push_back(0x00);
  out.insert(out.end(), first, value.end());
}

}  // namespace

Result<AttestationPublic> AttestationPublic::parse(ByteView tpmt_public) {
  Reader reader(tpmt_public);
  const auto unfit = [](const char* why) { return Defect{Fault::ak_unfit, {}, why}; };
  if (reader.u16() != kAlgEcc) return unfit("not an ECC key");
  if (reader.u16() != kAlgSha256) return unfit("its Name is not made with SHA-256");
  if (reader.u32() != kAkAttributes) {
    return unfit(
        "attributes are not restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin, "
        "userWithAuth, noDA");
  }
  if (!reader.sized16().empty()) return unfit("it has a policy");
  if (reader.u16() != kAlgNull) return unfit("it has a symmetric algorithm");
  if (reader.u16() != kAlgEcdsa || reader.u16() != kAlgSha256)
    return unfit("the scheme is not ECDSA with SHA-256");
  if (reader.u16() != kCurveP256) return unfit("the curve is not P-256");
  if (reader.u16() != kAlgNull) return unfit("it has a KDF");
  EccPoint point;
  const ByteView x = reader.sized16();
  const ByteView y = reader.sized16();
  if (reader.failed()) return unfit("the public area is truncated");
  if (!reader.done()) return unfit("bytes after the public area");
  if (!place_coordinate(x, point.uncompressed.data() + 1) ||
      !place_coordinate(y, point.uncompressed.data() + 1 + kCoordinateBytes)) {
    return unfit("a coordinate has the wrong length");
  }
  AttestationPublic ak;
  ak.key_ = make_key(point);
  if (!ak.key_) return unfit("the point is not on the curve");
  ak.encoded_.assign(tpmt_public.begin(), tpmt_public.end());
  ak.name_ = make_name(tpmt_public);
  constexpr std::array<std::uint8_t, 4> owner{0x40, 0x00, 0x00, 0x01};
  Bytes parent_and_name(owner.begin(), owner.end());
  parent_and_name.insert(parent_and_name.end(), ak.name_.begin(), ak.name_.end());
  ak.qualified_name_ = make_name(parent_and_name);
  return ak;
}

std::string AttestationPublic::pem() const {
  Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_PUBKEY(out.get(), static_cast<EVP_PKEY*>(key_.get())) != 1) {
    throw std::runtime_error("OpenSSL: cannot write a public key");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Bytes AttestationPublic::signature_der(const SignedAttestation& signed_attestation) const {
  Bytes integers;
  append_integer(integers, signed_attestation.r);
  append_integer(integers, signed_attestation.s);
  Bytes der{0x30, static_cast<std::uint8_t>(integers.size())};
  der.insert(der.end(), integers.begin(), integers.end());
  return der;
}

Result<void> AttestationPublic::verify(const SignedAttestation& signed_attestation) const {
  const KeyErrors queue;
  const Bytes der = signature_der(signed_attestation);
  Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                       static_cast<EVP_PKEY*>(key_.get())) != 1) {
    throw std::runtime_error("OpenSSL: cannot verify signatures");
  }
  const bool verified =
      EVP_DigestVerify(context.get(), der.data(), der.size(), signed_attestation.attest.data(),
                       signed_attestation.attest.size()) == 1;
  if (!verified)
    return Defect{
        Fault::signature_invalid, {}, "the signature does not verify under the pinned AK"};
  return ok();
}

}  // namespace stele::attest
