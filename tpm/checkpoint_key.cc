#include "tpm/checkpoint_key.h"

#include <algorithm>

#include "tpm/hierarchies.h"
#include "tpm/primary.h"

namespace stele::tpm {
namespace {

using attest::Hash;

// H("stele/v1/checkpoint-auth\0" ‖ ak_auth): opening the one does not give the other away.
Hash auth_of(const AuthValue& ak_auth) {
  return attest::hash({attest::tag("stele/v1/checkpoint-auth"), ak_auth});
}

TPM2B_PUBLIC sealed_template() {
  TPM2B_PUBLIC area{};
  area.publicArea.type = TPM2_ALG_KEYEDHASH;
  area.publicArea.nameAlg = TPM2_ALG_SHA256;
  area.publicArea.objectAttributes =
      TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;
  area.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
  return area;
}

// Its key is the authValue of what it opens, which is never sent: what comes back is encrypted.
Object start_encrypted_session(Device& device) {
  Object out = start_hmac_session(device, parameter_encryption());
  execute(device, "setting session attributes", [&] {
    return Esys_TRSess_SetAttributes(device.esys(), out.get(),
                                     TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT, 0xff);
  });
  return out;
}

// Of another type, or sealed under other attributes: not what provisioning makes.
bool has_our_shape(Device& device, const Object& object) {
  EsysPtr<TPM2B_PUBLIC> area;
  EsysPtr<TPM2B_NAME> name, qualified_name;
  execute(device, "TPM2_ReadPublic", [&] {
    return Esys_ReadPublic(device.esys(), object.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                           out(area), out(name), out(qualified_name));
  });
  const TPMT_PUBLIC& found = area->publicArea;
  const TPMT_PUBLIC wanted = sealed_template().publicArea;
  return found.type == wanted.type && found.nameAlg == wanted.nameAlg &&
         found.objectAttributes == wanted.objectAttributes && found.authPolicy.size == 0;
}

}  // namespace

CheckpointSeed unseal_checkpoint_seed(Device& device, std::uint32_t ak_handle,
                                      const AuthValue& ak_auth) {
  Object object = find_object(device, checkpoint_key_handle(ak_handle));
  if (!object) return {};
  CheckpointSeed found{CheckpointSeed::State::foreign, {}};
  if (!has_our_shape(device, object)) return found;
  object.set_auth(auth_of(ak_auth));
  const Object session = start_encrypted_session(device);
  EsysPtr<TPM2B_SENSITIVE_DATA> seed;
  try {
    execute(device, "TPM2_Unseal", [&] {
      return Esys_Unseal(device.esys(), object.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                         out(seed));
    });
  } catch (const TpmError& error) {
    if (is_wrong_auth(error)) return found;
    throw;
  }
  if (seed->size != found.seed.bytes.size()) return found;
  std::copy_n(seed->buffer, found.seed.bytes.size(), found.seed.bytes.begin());
  found.state = CheckpointSeed::State::ours;
  return found;
}

void seal_checkpoint_seed(Device& device, std::uint32_t ak_handle, const AuthValue& ak_auth,
                          const Hash& seed) {
  TPM2B_SENSITIVE_CREATE sensitive{};
  sensitive.sensitive.userAuth = to_auth(auth_of(ak_auth));
  sensitive.sensitive.data.size = static_cast<UINT16>(seed.bytes.size());
  std::copy(seed.bytes.begin(), seed.bytes.end(), sensitive.sensitive.data.buffer);
  const Object object =
      create_primary(device, ESYS_TR_RH_OWNER, sealed_template(), sensitive).object;
  ESYS_TR persistent = ESYS_TR_NONE;
  execute(device, "TPM2_EvictControl", [&] {
    return Esys_EvictControl(device.esys(), ESYS_TR_RH_OWNER, object.get(), ESYS_TR_PASSWORD,
                             ESYS_TR_NONE, ESYS_TR_NONE, checkpoint_key_handle(ak_handle),
                             &persistent);
  });
  Esys_TR_Close(device.esys(), &persistent);
}

}  // namespace stele::tpm
