#include "tpm/templates.h"

#include <algorithm>

#include "tpm/esys.h"

namespace stele::tpm {
namespace {

constexpr TPMA_NV kIndexAttributes =
    TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_NO_DA;

TPM2B_NV_PUBLIC index_public(TPM2_HANDLE handle, TPM2_NT type, std::uint16_t size_bytes,
                             bool written) {
  TPM2B_NV_PUBLIC area{};
  area.nvPublic.nvIndex = handle;
  area.nvPublic.nameAlg = TPM2_ALG_SHA256;
  area.nvPublic.attributes = kIndexAttributes | (TPMA_NV{type} << TPMA_NV_TPM2_NT_SHIFT);
  if (written) area.nvPublic.attributes |= TPMA_NV_WRITTEN;
  area.nvPublic.dataSize = size_bytes;
  return area;
}

}  // namespace

TPM2B_PUBLIC ak_template(const attest::Hash& unique) {
  TPM2B_PUBLIC area{};
  area.publicArea.type = TPM2_ALG_ECC;
  area.publicArea.nameAlg = TPM2_ALG_SHA256;
  // noDA: three unclean power cuts would otherwise lock the key out.
  area.publicArea.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT |
                                     TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                     TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                     TPMA_OBJECT_NODA;
  TPMS_ECC_PARMS& ecc = area.publicArea.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  TPMS_ECC_POINT& point = area.publicArea.unique.ecc;
  point.x.size = static_cast<UINT16>(unique.bytes.size());
  std::copy(unique.bytes.begin(), unique.bytes.end(), point.x.buffer);
  point.y.size = 32;
  return area;
}

TPM2B_NV_PUBLIC counter_public(TPM2_HANDLE handle, bool written) {
  return index_public(handle, TPM2_NT_COUNTER, 8, written);
}

TPM2B_NV_PUBLIC extend_public(TPM2_HANDLE handle, bool written) {
  return index_public(handle, TPM2_NT_EXTEND, 32, written);
}

attest::Name name_of(const TPM2B_NV_PUBLIC& area) {
  return attest::make_name(marshal(area.nvPublic));
}

}  // namespace stele::tpm
