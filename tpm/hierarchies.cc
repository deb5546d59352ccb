#include "tpm/hierarchies.h"

namespace stele::tpm {
namespace {

std::uint32_t property_in(const TPMS_CAPABILITY_DATA& found, TPM2_PT which) {
  const TPML_TAGGED_TPM_PROPERTY& list = found.data.tpmProperties;
  if (found.capability != TPM2_CAP_TPM_PROPERTIES || list.count == 0 ||
      list.tpmProperty[0].property != which) {
    throw TpmError(TSS2_ESYS_RC_MALFORMED_RESPONSE, "TPM2_GetCapability");
  }
  return list.tpmProperty[0].value;
}

EsysPtr<TPMS_CAPABILITY_DATA> ask_property(Device& device, TPM2_PT which) {
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  execute(device, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_TPM_PROPERTIES, which, 1, nullptr, out(found));
  });
  return found;
}

}  // namespace

HierarchyState hierarchy_state(const TPMS_CAPABILITY_DATA& found) {
  const TPMA_PERMANENT flags = property_in(found, TPM2_PT_PERMANENT);
  return {.owner_set = (flags & TPMA_PERMANENT_OWNERAUTHSET) != 0,
          .endorsement_set = (flags & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0,
          .lockout_set = (flags & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0,
          .clear_disabled = (flags & TPMA_PERMANENT_DISABLECLEAR) != 0};
}

HierarchyState hierarchy_state(Device& device) {
  return hierarchy_state(*ask_property(device, TPM2_PT_PERMANENT));
}

bool is_wrong_auth(const TpmError& error) {
  const std::uint32_t code = error.rc() & (TPM2_RC_FMT1 | 0x3f);
  return code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL;
}

void use_auth(Device& device, ESYS_TR hierarchy, bool is_set, attest::ByteView auth) {
  const TPM2B_AUTH value = to_auth(is_set ? auth : attest::ByteView{});
  execute(device, "setting an authValue",
          [&] { return Esys_TR_SetAuth(device.esys(), hierarchy, &value); });
}

// By a policy session that nothing is done with but to have it see the authValue.
bool opens(Device& device, ESYS_TR hierarchy) {
  const TPMT_SYM_DEF no_encryption{.algorithm = TPM2_ALG_NULL, .keyBits = {}, .mode = {}};
  ESYS_TR reference = ESYS_TR_NONE;
  execute_with_room(device, "TPM2_StartAuthSession", [&] {
    return Esys_StartAuthSession(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                 ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_POLICY,
                                 &no_encryption, TPM2_ALG_SHA256, &reference);
  });
  const Object session(device, reference, Object::End::flush);
  try {
    execute(device, "TPM2_PolicySecret", [&] {
      return Esys_PolicySecret(device.esys(), hierarchy, session.get(), ESYS_TR_PASSWORD,
                               ESYS_TR_NONE, ESYS_TR_NONE, nullptr, nullptr, nullptr, 0, nullptr,
                               nullptr);
    });
  } catch (const TpmError& error) {
    if (is_wrong_auth(error)) return false;
    throw;
  }
  return true;
}

void change_auth(Device& device, ESYS_TR hierarchy, attest::ByteView new_auth) {
  const TPM2B_AUTH value = to_auth(new_auth);
  execute(device, "TPM2_HierarchyChangeAuth", [&] {
    return Esys_HierarchyChangeAuth(device.esys(), hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                    ESYS_TR_NONE, &value);
  });
  use_auth(device, hierarchy, true, new_auth);
}

void unset_policy(Device& device, ESYS_TR hierarchy) {
  const TPM2B_DIGEST none{};
  execute(device, "TPM2_SetPrimaryPolicy", [&] {
    return Esys_SetPrimaryPolicy(device.esys(), hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                 ESYS_TR_NONE, &none, TPM2_ALG_NULL);
  });
}

void disable_clear(Device& device) {
  execute(device, "TPM2_ClearControl", [&] {
    return Esys_ClearControl(device.esys(), ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                             ESYS_TR_NONE, TPM2_YES);
  });
}

void require_owner_enabled(Device& device) {
  const TPMA_STARTUP_CLEAR flags =
      property_in(*ask_property(device, TPM2_PT_STARTUP_CLEAR), TPM2_PT_STARTUP_CLEAR);
  if ((flags & TPMA_STARTUP_CLEAR_SHENABLE) != 0) return;
  throw TpmError(TPM2_RC_HIERARCHY, "the owner hierarchy",
                 "somebody with platform authority has switched it off, and with it the log's key "
                 "and indexes: start the machine anew, or enable it in the firmware's set-up");
}

}  // namespace stele::tpm
