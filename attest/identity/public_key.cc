#include "attest/identity/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>

#include "attest/check.h"
#include "attest/identity/kdf.h"
#include "attest/openssl_pointer.h"

namespace stele::attest {
namespace {

using Number = Owned<BIGNUM, BN_free>;
using Group = Owned<EC_GROUP, EC_GROUP_free>;
using Point = Owned<EC_POINT, EC_POINT_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Build = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Owned<OSSL_PARAM, OSSL_PARAM_free>;

constexpr std::uint32_t kDefaultExponent = 65537;
constexpr std::size_t kMinModulusBytes = 256, kMaxModulusBytes = 512;

struct Known {
  Curve curve;
  const char* group;
  const char* words;
  int nid;
  std::size_t bytes;
};
constexpr Known kKnown[] = {{Curve::p256, "prime256v1", "P-256", NID_X9_62_prime256v1, 32},
                            {Curve::p384, "secp384r1", "P-384", NID_secp384r1, 48},
                            {Curve::p521, "secp521r1", "P-521", NID_secp521r1, 66}};

const Known* known(Curve curve) {
  const auto* found = std::find_if(std::begin(kKnown), std::end(kKnown),
                                   [curve](const Known& one) { return one.curve == curve; });
  return found == std::end(kKnown) ? nullptr : found;
}

EVP_PKEY* raw_key(const std::shared_ptr<void>& key) {
  return static_cast<EVP_PKEY*>(key.get());
}

[[noreturn]] void failed(const char* what) {
  ERR_clear_error();
  throw std::runtime_error(std::string("OpenSSL: ") + what);
}

Number number_of(ByteView bytes) {
  Number number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (!number) failed("out of memory");
  return number;
}

Bytes padded(const BIGNUM* number, std::size_t size) {
  Bytes out(size);
  if (BN_bn2binpad(number, out.data(), static_cast<int>(size)) < 0) failed("a number's size");
  return out;
}

// The key that the parameters describe; nothing if OpenSSL finds that it is none.
std::shared_ptr<void> key_from(const char* type, const OSSL_PARAM_BLD* described) {
  const Params params(OSSL_PARAM_BLD_to_param(const_cast<OSSL_PARAM_BLD*>(described)));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1) failed("no such keys");
  EVP_PKEY* made = nullptr;
  const bool right =
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
  std::shared_ptr<void> key(right ? made : nullptr,
                            [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  if (!right) return ERR_clear_error(), nullptr;
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, raw_key(key), nullptr));
  const bool sound = check && EVP_PKEY_public_check(check.get()) == 1;
  ERR_clear_error();
  return sound ? key : nullptr;
}

Defect refused(const char* why) {
  return {Fault::value_out_of_range, {}, why};
}

Point point_of(const EC_GROUP* group) {
  Point point(EC_POINT_new(group));
  if (!point) failed("out of memory");
  return point;
}

std::pair<Bytes, Bytes> coordinates(const EC_GROUP* group, const EC_POINT* point,
                                    std::size_t size) {
  const Number x(BN_new()), y(BN_new());
  if (!x || !y || EC_POINT_get_affine_coordinates(group, point, x.get(), y.get(), nullptr) != 1) {
    failed("a point at infinity");
  }
  return {padded(x.get(), size), padded(y.get(), size)};
}

}  // namespace

Result<PublicKey> PublicKey::rsa(ByteView modulus, std::uint32_t exponent) {
  if (modulus.size() < kMinModulusBytes || modulus.size() > kMaxModulusBytes ||
      (modulus[0] & 0x80) == 0) {
    return refused("the modulus has not 2048 to 4096 bits");
  }
  const Number n = number_of(modulus);
  const Build build(OSSL_PARAM_BLD_new());
  if (!build || OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_uint64(build.get(), OSSL_PKEY_PARAM_RSA_E,
                                 exponent == 0 ? kDefaultExponent : exponent) != 1) {
    failed("cannot describe a key");
  }
  PublicKey key;
  key.key_ = key_from("RSA", build.get());
  if (!key.key_) return refused("modulus or exponent is none of RSA");
  key.size_bytes_ = modulus.size();
  return key;
}

Result<PublicKey> PublicKey::ecc(Curve curve, ByteView x, ByteView y) {
  const Known* of = known(curve);
  if (of == nullptr) return refused("the curve is not P-256, P-384 or P-521");
  if (x.empty() || y.empty() || x.size() > of->bytes || y.size() > of->bytes) {
    return refused("a coordinate has the wrong length");
  }
  Bytes point(1 + 2 * of->bytes, 0);
  point[0] = 0x04;
  std::copy(x.begin(), x.end(),
            point.begin() + static_cast<std::ptrdiff_t>(1 + of->bytes - x.size()));
  std::copy(y.begin(), y.end(), point.end() - static_cast<std::ptrdiff_t>(y.size()));
  const Build build(OSSL_PARAM_BLD_new());
  if (!build ||
      OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, of->group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    failed("cannot describe a key");
  }
  PublicKey key;
  key.key_ = key_from("EC", build.get());
  if (!key.key_) return refused("the point is not on the curve");
  key.curve_ = curve;
  key.size_bytes_ = of->bytes;
  return key;
}

std::optional<PublicKey> PublicKey::of_openssl(std::shared_ptr<void> evp_pkey) {
  if (!evp_pkey) return std::nullopt;
  PublicKey key;
  key.key_ = std::move(evp_pkey);
  const int type = EVP_PKEY_get_base_id(raw_key(key.key_));
  if (type == EVP_PKEY_RSA) {
    key.size_bytes_ = static_cast<std::size_t>(EVP_PKEY_get_size(raw_key(key.key_)));
    return key;
  }
  std::array<char, 64> group{};
  if (type != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(raw_key(key.key_), group.data(), group.size(), nullptr) != 1) {
    return std::nullopt;
  }
  for (const Known& one : kKnown) {
    if (std::string_view(group.data()) != one.group) continue;
    key.curve_ = one.curve;
    key.size_bytes_ = one.bytes;
    return key;
  }
  return std::nullopt;
}

std::string PublicKey::words() const {
  if (curve_) return std::string("ECC ") + known(*curve_)->words;
  return "RSA " + std::to_string(size_bytes_ * 8);
}

bool PublicKey::operator==(const PublicKey& other) const {
  const bool same = EVP_PKEY_eq(raw_key(key_), raw_key(other.key_)) == 1;
  ERR_clear_error();
  return same;
}

Bytes PublicKey::encrypt_oaep(boot::Algorithm algorithm, std::string_view label, ByteView message,
                              ByteView salt) const {
  const std::size_t hash_bytes = boot::digest_bytes(algorithm);
  ENSURE(is_rsa() && salt.size() == hash_bytes &&
         message.size() + 2 * hash_bytes + 2 <= size_bytes_);
  Bytes terminated(label.begin(), label.end());
  terminated.push_back(0);
  // DB = H(label) ‖ 00 … ‖ 01 ‖ message
  Bytes block = boot::digest(algorithm, {terminated}).value();
  block.resize(size_bytes_ - hash_bytes - 2 - message.size(), 0);
  block.push_back(1);
  block.insert(block.end(), message.begin(), message.end());
  const Bytes mask = mgf1(algorithm, salt, block.size());
  for (std::size_t i = 0; i < block.size(); ++i) block[i] ^= mask[i];
  Bytes encoded{0};
  const Bytes salt_mask = mgf1(algorithm, block, hash_bytes);
  for (std::size_t i = 0; i < hash_bytes; ++i) {
    encoded.push_back(static_cast<std::uint8_t>(salt[i] ^ salt_mask[i]));
  }
  encoded.insert(encoded.end(), block.begin(), block.end());

  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, raw_key(key_), nullptr));
  Bytes out(size_bytes_);
  std::size_t size = out.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1 ||
      EVP_PKEY_encrypt(context.get(), out.data(), &size, encoded.data(), encoded.size()) != 1 ||
      size != out.size()) {
    failed("cannot encrypt to an RSA key");
  }
  return out;
}

PublicKey::Agreement PublicKey::agree(ByteView random) const {
  ENSURE(curve_.has_value());
  const Group group(EC_GROUP_new_by_curve_name(known(*curve_)->nid));
  const Number x(BN_new()), y(BN_new()), range(BN_new());
  const Owned<BN_CTX, BN_CTX_free> scratch(BN_CTX_new());
  Number scalar = number_of(random);
  BIGNUM *own_x = nullptr, *own_y = nullptr;
  EVP_PKEY_get_bn_param(raw_key(key_), OSSL_PKEY_PARAM_EC_PUB_X, &own_x);
  EVP_PKEY_get_bn_param(raw_key(key_), OSSL_PKEY_PARAM_EC_PUB_Y, &own_y);
  const Number of_x(own_x), of_y(own_y);
  if (!group || !scratch || !x || !y || !range || !of_x || !of_y ||
      BN_sub(range.get(), EC_GROUP_get0_order(group.get()), BN_value_one()) != 1 ||
      BN_mod(scalar.get(), scalar.get(), range.get(), scratch.get()) != 1 ||
      BN_add_word(scalar.get(), 1) != 1) {
    failed("cannot agree on a secret");
  }
  const Point own = point_of(group.get()), ephemeral = point_of(group.get()),
              shared = point_of(group.get());
  if (EC_POINT_set_affine_coordinates(group.get(), own.get(), of_x.get(), of_y.get(),
                                      scratch.get()) != 1 ||
      EC_POINT_mul(group.get(), ephemeral.get(), scalar.get(), nullptr, nullptr, scratch.get()) !=
          1 ||
      EC_POINT_mul(group.get(), shared.get(), nullptr, own.get(), scalar.get(), scratch.get()) !=
          1) {
    failed("cannot agree on a secret");
  }
  Agreement agreed;
  std::tie(agreed.ephemeral_x, agreed.ephemeral_y) =
      coordinates(group.get(), ephemeral.get(), size_bytes_);
  agreed.own_x = padded(of_x.get(), size_bytes_);
  agreed.shared_x = coordinates(group.get(), shared.get(), size_bytes_).first;
  BN_clear(scalar.get());
  return agreed;
}

}  // namespace stele::attest
