#include "attest/identity/endorsement_public.h"

#include <algorithm>

#include "attest/codec.h"

namespace stele::attest {
namespace {

using boot::Algorithm;

constexpr std::uint16_t kAlgRsa = 0x0001;
constexpr std::uint16_t kAlgAes = 0x0006;
constexpr std::uint16_t kEkAlgNull = 0x0010;
constexpr std::uint16_t kEkAlgEcc = 0x0023;
constexpr std::uint16_t kModeCfb = 0x0043;
// fixedTPM | fixedParent | sensitiveDataOrigin | adminWithPolicy | restricted | decrypt
constexpr std::uint32_t kLowAttributes = 0x000300b2;
constexpr std::uint32_t kHighAttributes = kLowAttributes | 0x40;  // and userWithAuth

// PolicyA: PolicySecret(the endorsement hierarchy). PolicyB: that, or an index of the owner's.
constexpr std::string_view kPolicyA =
    "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
constexpr std::string_view kPolicyB256 =
    "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0";
constexpr std::string_view kPolicyB384 =
    "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e"
    "1"
    "2";

struct Template {
  std::uint16_t type;
  std::uint16_t size;  // bits of the modulus, or the curve
  std::uint32_t attributes;
  Algorithm name_algorithm;
  std::string_view policy;
  std::uint16_t symmetric_bits;
};
constexpr Template kTemplates[] = {
    {kAlgRsa, 2048, kLowAttributes, Algorithm::sha256, kPolicyA, 128},          // L-1
    {kEkAlgEcc, 0x0003, kLowAttributes, Algorithm::sha256, kPolicyA, 128},      // L-2
    {kAlgRsa, 2048, kHighAttributes, Algorithm::sha256, kPolicyB256, 128},      // H-1
    {kEkAlgEcc, 0x0003, kHighAttributes, Algorithm::sha256, kPolicyB256, 128},  // H-2
    {kEkAlgEcc, 0x0004, kHighAttributes, Algorithm::sha384, kPolicyB384, 256},  // H-3
};

Defect unfit_key(const std::string& why) {
  return {Fault::ek_unfit, {}, "the endorsement key: " + why};
}

// What of a template stands in a public area, in its order.
struct Shape {
  std::uint16_t type = 0, name_algorithm = 0, symmetric = 0, symmetric_bits = 0, mode = 0;
  std::uint32_t attributes = 0;
  std::string policy;
  std::uint16_t scheme = 0, size = 0;
};

// Why these are no template's; nothing if they are.
std::string complaint(const Shape& shape) {
  if (shape.type != kAlgRsa && shape.type != kEkAlgEcc) return "neither RSA nor ECC";
  if ((shape.attributes & ~0x40u) != kLowAttributes) {
    return "attributes are not fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, "
           "restricted, decrypt";
  }
  if (shape.symmetric != kAlgAes || shape.mode != kModeCfb) return "it does not protect with AES";
  if (shape.scheme != kEkAlgNull) return "it has a scheme";
  const bool listed =
      std::any_of(std::begin(kTemplates), std::end(kTemplates), [&shape](const Template& one) {
        return one.type == shape.type && one.size == shape.size &&
               one.attributes == shape.attributes && one.policy == shape.policy &&
               static_cast<std::uint16_t>(one.name_algorithm) == shape.name_algorithm &&
               one.symmetric_bits == shape.symmetric_bits;
      });
  return listed ? ""
                : "size, name algorithm, policy and AES key together are those of no template of "
                  "the TCG EK Credential Profile";
}

}  // namespace

Result<EndorsementPublic> EndorsementPublic::parse(ByteView tpmt_public) {
  Reader reader(tpmt_public);
  Shape shape;
  shape.type = reader.u16();
  shape.name_algorithm = reader.u16();
  shape.attributes = reader.u32();
  shape.policy = to_hex(reader.sized16());
  shape.symmetric = reader.u16();
  if (shape.symmetric == kAlgAes) {
    shape.symmetric_bits = reader.u16();
    shape.mode = reader.u16();
  }
  shape.scheme = reader.u16();
  shape.size = reader.u16();
  if (reader.failed()) return unfit_key("the public area is truncated");
  if (const std::string why = complaint(shape); !why.empty()) return unfit_key(why);

  const bool is_rsa = shape.type == kAlgRsa;
  const std::uint32_t exponent = is_rsa ? reader.u32() : 0;
  if (!is_rsa && reader.u16() != kEkAlgNull) return unfit_key("it has a KDF");
  const ByteView first = reader.sized16();
  const ByteView second = is_rsa ? ByteView{} : reader.sized16();
  if (reader.failed()) return unfit_key("the public area is truncated");
  if (!reader.done()) return unfit_key("bytes after the public area");
  if (is_rsa && first.size() * 8 != shape.size)
    return unfit_key("the modulus has the wrong length");
  auto key = is_rsa ? PublicKey::rsa(first, exponent)
                    : PublicKey::ecc(static_cast<Curve>(shape.size), first, second);
  if (!key) return unfit_key(key.error().detail);
  EndorsementPublic ek(*std::move(key));
  ek.encoded_.assign(tpmt_public.begin(), tpmt_public.end());
  ek.name_algorithm_ = static_cast<Algorithm>(shape.name_algorithm);
  ek.symmetric_bits_ = shape.symmetric_bits;
  return ek;
}

}  // namespace stele::attest
