#include "tpm/hierarchies.h"

namespace stele::tpm {

HierarchyState hierarchy_state(Device& device) {
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  execute(device, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_TPM_PROPERTIES, TPM2_PT_PERMANENT, 1, nullptr, out(found));
  });
  const TPML_TAGGED_TPM_PROPERTY& list = found->data.tpmProperties;
  if (list.count == 0 || list.tpmProperty[0].property != TPM2_PT_PERMANENT) {
    throw TpmError(TSS2_ESYS_RC_MALFORMED_RESPONSE, "TPM2_GetCapability");
  }
  const TPMA_PERMANENT flags = list.tpmProperty[0].value;
  return {.owner_set = (flags & TPMA_PERMANENT_OWNERAUTHSET) != 0,
          .endorsement_set = (flags & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0,
          .lockout_set = (flags & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0,
          .clear_disabled = (flags & TPMA_PERMANENT_DISABLECLEAR) != 0};
}

void use_auth(Device& device, ESYS_TR hierarchy, bool is_set, attest::ByteView auth) {
  const TPM2B_AUTH value = to_auth(is_set ? auth : attest::ByteView{});
  execute(device, "setting an authValue",
          [&] { return Esys_TR_SetAuth(device.esys(), hierarchy, &value); });
}

void change_auth(Device& device, ESYS_TR hierarchy, attest::ByteView new_auth) {
  const TPM2B_AUTH value = to_auth(new_auth);
  execute(device, "TPM2_HierarchyChangeAuth", [&] {
    return Esys_HierarchyChangeAuth(device.esys(), hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                    ESYS_TR_NONE, &value);
  });
  use_auth(device, hierarchy, true, new_auth);
}

void disable_clear(Device& device) {
  execute(device, "TPM2_ClearControl", [&] {
    return Esys_ClearControl(device.esys(), ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                             ESYS_TR_NONE, TPM2_YES);
  });
}

}  // namespace stele::tpm
