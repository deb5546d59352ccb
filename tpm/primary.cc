#include "tpm/primary.h"

namespace stele::tpm {

Primary create_primary(Device& device, ESYS_TR hierarchy, const TPM2B_PUBLIC& area,
                       const TPM2B_SENSITIVE_CREATE& sensitive) {
  const TPM2B_DATA no_data{};
  const TPML_PCR_SELECTION no_pcrs{};
  ESYS_TR reference = ESYS_TR_NONE;
  EsysPtr<TPM2B_PUBLIC> made;
  execute_with_room(device, "TPM2_CreatePrimary", [&] {
    return Esys_CreatePrimary(device.esys(), hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                              ESYS_TR_NONE, &sensitive, &area, &no_data, &no_pcrs, &reference,
                              out(made), nullptr, nullptr, nullptr);
  });
  return {Object(device, reference, Object::End::flush), made->publicArea};
}

Object start_hmac_session(Device& device, const TPMT_SYM_DEF& symmetric) {
  ESYS_TR session = ESYS_TR_NONE;
  execute_with_room(device, "TPM2_StartAuthSession", [&] {
    return Esys_StartAuthSession(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_HMAC, &symmetric,
                                 TPM2_ALG_SHA256, &session);
  });
  return Object(device, session, Object::End::flush);
}

TPMT_SYM_DEF parameter_encryption() {
  TPMT_SYM_DEF symmetric{};
  symmetric.algorithm = TPM2_ALG_AES;
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  return symmetric;
}

TPMT_SYM_DEF no_encryption() {
  TPMT_SYM_DEF symmetric{};
  symmetric.algorithm = TPM2_ALG_NULL;
  return symmetric;
}

}  // namespace stele::tpm
