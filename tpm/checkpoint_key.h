// The checkpoint key: the seed of an Ed25519 key, in the TPM as a sealed object that it keeps.
//
// No TPM computes Ed25519, so the daemon signs, with a seed that is nowhere on the disk: a data
// object of the owner hierarchy, persistent beside the AK (its handle + 1), opened by an authValue
// that follows from the AK's. The seed comes back encrypted under that authValue.
// Thread safety: none. Blocks: all. Errors: TpmError. Trust: root can unseal it: what it signs says
// no more than that this host's root could have signed it. See: README.md, "Checkpoint key".
#pragma once

#include <optional>

#include "attest/hash.h"
#include "tpm/anchor.h"

namespace stele::tpm {

struct CheckpointSeed {
  enum class State { missing, foreign /* not ours: our authValue does not open it */, ours };
  State state = State::missing;
  attest::Hash seed;  // if ours
};
CheckpointSeed unseal_checkpoint_seed(Device& device, std::uint32_t ak_handle,
                                      const AuthValue& ak_auth);
// Precondition: nothing is at the handle; ownerAuth was told to ESYS (use_auth).
void seal_checkpoint_seed(Device& device, std::uint32_t ak_handle, const AuthValue& ak_auth,
                          const attest::Hash& seed);
constexpr std::uint32_t checkpoint_key_handle(std::uint32_t ak_handle) { return ak_handle + 1; }

}  // namespace stele::tpm
