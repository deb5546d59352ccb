// The authValues of a TPM's hierarchies: setting them, and the lock on TPM2_Clear.
//
// Internal to tpm/. Thread safety: none. Blocks: each call. Errors: TpmError.
#pragma once

#include "tpm/esys.h"
#include "tpm/provision.h"

namespace stele::tpm {

// From an answer to GetCapability for TPM_PT_PERMANENT; TpmError (lost_device) if it is none.
HierarchyState hierarchy_state(const TPMS_CAPABILITY_DATA& found);

// Whether this is how a TPM refuses an authValue.
bool is_wrong_auth(const TpmError& error);
// Tells ESYS which authValue the hierarchy (ESYS_TR_RH_OWNER, …) has now: nothing, if it is not
// set.
void use_auth(Device& device, ESYS_TR hierarchy, bool is_set, attest::ByteView auth);
// Whether the authValue told by use_auth() is the one that the hierarchy has; asks, and changes
// nothing. Not for lockout, which counts wrong ones.
bool opens(Device& device, ESYS_TR hierarchy);
// With the authValue told by use_auth(); an empty one unsets it. Tells ESYS the new one.
void change_auth(Device& device, ESYS_TR hierarchy, attest::ByteView new_auth);
// A policy would open the hierarchy beside its authValue, for whoever set it: none from now on.
void unset_policy(Device& device, ESYS_TR hierarchy);
// By the lockout authorisation; only platform authority can undo it.
void disable_clear(Device& device);

// Platform authority can switch the owner hierarchy off until the next start: then its indexes and
// keys answer as if they had never been. TpmError (refused) if so.
void require_owner_enabled(Device& device);

}  // namespace stele::tpm
