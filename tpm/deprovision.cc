#include "tpm/checkpoint_key.h"
#include "tpm/hierarchies.h"
#include "tpm/provision.h"

namespace stele::tpm {
namespace {

using Progress = std::function<void(std::string_view)>;

void remove_index(Device& device, std::uint32_t handle, const char* what,
                  const Progress& progress) {
  Object index = find_object(device, handle);
  if (!index) return progress(std::string(what) + " is not there");
  execute(device, "TPM2_NV_UndefineSpace", [&] {
    return Esys_NV_UndefineSpace(device.esys(), ESYS_TR_RH_OWNER, index.get(), ESYS_TR_PASSWORD,
                                 ESYS_TR_NONE, ESYS_TR_NONE);
  });
  index.release();
  progress(std::string(what) + " removed");
}

void remove_key(Device& device, std::uint32_t handle, const std::string& what,
                const Progress& progress) {
  Object key = find_object(device, handle);
  if (!key) return progress(what + " is not there");
  ESYS_TR none = ESYS_TR_NONE;
  execute(device, "TPM2_EvictControl", [&] {
    return Esys_EvictControl(device.esys(), ESYS_TR_RH_OWNER, key.get(), ESYS_TR_PASSWORD,
                             ESYS_TR_NONE, ESYS_TR_NONE, handle, &none);
  });
  key.release();
  progress(what + " removed");
}

void remove_checkpoint_key(Device& device, const Credentials& credentials,
                           const Progress& progress) {
  const CheckpointSeed found =
      unseal_checkpoint_seed(device, credentials.ak_handle, credentials.ak_auth);
  if (found.state == CheckpointSeed::State::foreign) {
    return progress("what is at the checkpoint key's handle is not this log's, and stays");
  }
  remove_key(device, checkpoint_key_handle(credentials.ak_handle), "the checkpoint key", progress);
}

void unset(Device& device, ESYS_TR hierarchy, bool is_set, attest::ByteView auth, const char* what,
           const Progress& progress) {
  if (!is_set) return progress(std::string(what) + " has no authValue");
  use_auth(device, hierarchy, true, auth);
  change_auth(device, hierarchy, {});
  progress(std::string(what) + " unlocked");
}

}  // namespace

std::optional<attest::EraEnd::Shown> show_era_end(Device& device, const Credentials& credentials,
                                                  const attest::Hash& nonce,
                                                  const attest::Hash& extra_data) {
  Credentials now = credentials;
  if (!hierarchy_state(device).endorsement_set) now.endorsement_auth = {};
  attest::Receipt receipt;
  try {
    receipt = read_back(device, now, attest::Hash{}, extra_data, false);
  } catch (const TpmError& error) {
    const bool gone =
        error.kind() == TpmError::Kind::missing || error.kind() == TpmError::Kind::refused;
    if (gone) return std::nullopt;
    throw;
  }
  const attest::AuditPart& audit = *receipt.audit;
  const auto verified = attest::verify_audit(
      audit, credentials.identity,
      attest::read_session_digest(credentials.identity, audit.counter, audit.extend), extra_data);
  if (!verified) return std::nullopt;
  return attest::EraEnd::Shown{nonce, audit};
}

void retire(Device& device, const Credentials& credentials,
            const std::optional<AuthValue>& owner_auth, const Progress& progress) {
  const HierarchyState state = hierarchy_state(device);
  if (state.owner_set && !owner_auth) {
    throw ProvisionRefused(
        "the owner hierarchy of this TPM is locked: the auditor's ownerAuth is needed");
  }
  use_auth(device, ESYS_TR_RH_OWNER, state.owner_set, owner_auth.value_or(AuthValue{}));
  const IndexState indexes = read_indexes(device, credentials);
  const auto is_ours = [](IndexState::Presence presence) {
    return presence != IndexState::Presence::foreign;
  };
  if (is_ours(indexes.extend_presence)) {
    remove_index(device, credentials.extend_handle, "the extend index E", progress);
  }
  if (is_ours(indexes.counter_presence)) {
    remove_index(device, credentials.counter_handle, "the counter C", progress);
  }
  Object ak = find_object(device, credentials.ak_handle);
  const bool key_is_ours = !ak || ak.name() == credentials.identity.ak.name();
  ak.reset();
  // Before the AK: its absence is what tells a later run that all is done.
  if (key_is_ours) remove_checkpoint_key(device, credentials, progress);
  if (key_is_ours) remove_key(device, credentials.ak_handle, "the attestation key", progress);
}

void deprovision(Device& device, const Credentials& credentials, attest::Mode mode,
                 const std::optional<AuthValue>& owner_auth,
                 const std::optional<AuthValue>& lockout_auth, const Progress& progress) {
  const HierarchyState state = hierarchy_state(device);
  if (state.owner_set && !owner_auth) {
    throw ProvisionRefused(
        "the owner hierarchy of this TPM is locked: the auditor's ownerAuth is needed");
  }
  // What is at our handles but not ours stays: nothing is deleted for somebody else.
  const IndexState indexes = read_indexes(device, credentials);
  Object ak = find_object(device, credentials.ak_handle);
  if (indexes.counter_presence == IndexState::Presence::foreign ||
      indexes.extend_presence == IndexState::Presence::foreign ||
      (ak && ak.name() != credentials.identity.ak.name())) {
    throw ProvisionRefused(
        "what is at this log's handles in the TPM is not this log's: examine and remove it "
        "yourself");
  }
  ak.reset();
  use_auth(device, ESYS_TR_RH_OWNER, state.owner_set, owner_auth.value_or(AuthValue{}));
  remove_index(device, credentials.extend_handle, "the extend index E", progress);
  remove_index(device, credentials.counter_handle, "the counter C", progress);
  remove_checkpoint_key(device, credentials, progress);
  remove_key(device, credentials.ak_handle, "the attestation key", progress);
  unset(device, ESYS_TR_RH_ENDORSEMENT, state.endorsement_set, credentials.endorsement_auth,
        "the endorsement hierarchy", progress);
  if (mode != attest::Mode::a) return;
  if (lockout_auth) {
    unset(device, ESYS_TR_RH_LOCKOUT, state.lockout_set, *lockout_auth, "the lockout hierarchy",
          progress);
  } else if (state.lockout_set) {
    progress("the lockout hierarchy stays locked: no lockoutAuth was given");
  }
  unset(device, ESYS_TR_RH_OWNER, state.owner_set, owner_auth.value_or(AuthValue{}),
        "the owner hierarchy", progress);
  if (state.clear_disabled)
    progress("TPM2_Clear stays disabled: only the firmware can enable it again");
}

}  // namespace stele::tpm
