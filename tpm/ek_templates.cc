#include "tpm/ek_templates.h"

#include <algorithm>

#include "attest/check.h"

namespace stele::tpm {
namespace {

constexpr EkTemplate kTemplates[] = {
    {0x01c0000a, 0x01c0000b, 0x01c0000c, false, TPM2_ECC_NIST_P256},
    {0x01c00014, 0, 0x01c00015, true, TPM2_ECC_NIST_P256},
    {0x01c00016, 0, 0x01c00017, true, TPM2_ECC_NIST_P384},
    {0x01c00002, 0x01c00003, 0x01c00004, false, TPM2_ECC_NONE},
    {0x01c00012, 0, 0x01c00013, true, TPM2_ECC_NONE},
};

// PolicyA: PolicySecret(the endorsement hierarchy). PolicyC: an index of the owner's says more.
// PolicyB: either.
constexpr std::string_view kPolicyA256 =
    "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
constexpr std::string_view kPolicyC256 =
    "3767e2edd43ff45a3a7e1eaefcef78643dca964632e7aad82c673a30d8633fde";
constexpr std::string_view kPolicyB256 =
    "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0";
constexpr std::string_view kPolicyA384 =
    "8bbf2266537c171cb56e403c4dc1d4b64f432611dc386e6f532050c3278c930e143e8bb1133824ccb431053871c6db"
    "5"
    "3";
constexpr std::string_view kPolicyC384 =
    "d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5b4947c2d73e63005eed2dc2b3593d1"
    "6"
    "5";
constexpr std::string_view kPolicyB384 =
    "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e"
    "1"
    "2";

TPM2B_DIGEST digest_of(std::string_view hex) {
  const auto bytes = attest::from_hex(hex);
  ENSURE(bytes.has_value());
  TPM2B_DIGEST digest{};
  digest.size = static_cast<UINT16>(bytes->size());
  std::copy(bytes->begin(), bytes->end(), digest.buffer);
  return digest;
}

bool is(const TPM2B_DIGEST& policy, std::string_view hex) {
  return attest::to_hex({policy.buffer, policy.size}) == hex;
}

TPML_DIGEST either(std::string_view first, std::string_view second) {
  TPML_DIGEST list{};
  list.count = 2;
  list.digests[0] = digest_of(first);
  list.digests[1] = digest_of(second);
  return list;
}

}  // namespace

std::span<const EkTemplate> ek_templates() {
  return kTemplates;
}

const EkTemplate* find_ek_template(TPM2_HANDLE certificate_index) {
  for (const EkTemplate& known : kTemplates) {
    if (known.certificate_index == certificate_index) return &known;
  }
  return nullptr;
}

TPM2B_PUBLIC EkTemplate::area() const {
  const bool large = curve == TPM2_ECC_NIST_P384;
  TPM2B_PUBLIC out{};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = curve == TPM2_ECC_NONE ? TPM2_ALG_RSA : TPM2_ALG_ECC;
  area.nameAlg = large ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  if (is_high) area.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
  area.authPolicy = digest_of(large ? kPolicyB384 : is_high ? kPolicyB256 : kPolicyA256);
  TPMT_SYM_DEF_OBJECT protects{};
  protects.algorithm = TPM2_ALG_AES;
  protects.keyBits.aes = large ? 256 : 128;
  protects.mode.aes = TPM2_ALG_CFB;
  if (curve == TPM2_ECC_NONE) {
    area.parameters.rsaDetail.symmetric = protects;
    area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
    area.parameters.rsaDetail.keyBits = 2048;
    area.unique.rsa.size = is_high ? 0 : 256;
  } else {
    area.parameters.eccDetail.symmetric = protects;
    area.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    area.parameters.eccDetail.curveID = curve;
    area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    area.unique.ecc.x.size = area.unique.ecc.y.size = is_high ? 0 : 32;
  }
  return out;
}

void put_nonce(TPM2B_PUBLIC& area, attest::ByteView nonce) {
  TPMU_PUBLIC_ID& unique = area.publicArea.unique;
  if (area.publicArea.type == TPM2_ALG_RSA) {
    if (nonce.size() > 256) return;
    unique.rsa = {};
    unique.rsa.size = 256;
    std::copy(nonce.begin(), nonce.end(), unique.rsa.buffer);
  } else {
    if (nonce.size() > 32) return;
    unique.ecc = {};
    unique.ecc.x.size = unique.ecc.y.size = 32;
    std::copy(nonce.begin(), nonce.end(), unique.ecc.x.buffer);
  }
}

std::optional<TPML_DIGEST> policy_choice(const TPM2B_DIGEST& policy) {
  if (is(policy, kPolicyB256)) return either(kPolicyA256, kPolicyC256);
  if (is(policy, kPolicyB384)) return either(kPolicyA384, kPolicyC384);
  return std::nullopt;
}

}  // namespace stele::tpm
