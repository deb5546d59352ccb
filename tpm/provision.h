// Provisioning: makes AK, C and E in the TPM and the genesis that names them; resumable by
// inspection.
//
// Order (README.md, "Provisioning"): AK as a transient primary, which fixes all names → escrow and
// secrets durable, genesis durable (the caller stores them: Keeper) → EvictControl → define C, E →
// increment C if unwritten → extend E if unwritten → require E == E_0 → read-back = genesis receipt
// → checkpoint key → trust file → endorsement auth, in Mode A also owner and lockout auth → disableClear last.
// Nothing in the TPM is changed for good before the Keeper's `identity` and `genesis` have
// returned. Never deletes an index by itself; an index with other attributes at our handle is
// refused (squatting). Blocks: seconds. Thread safety: none. Errors: TpmError, ProvisionRefused.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "attest/era.h"
#include "attest/genesis.h"
#include "attest/trust.h"
#include "tpm/anchor.h"

namespace stele::tpm {

// The TPM, or what was kept, is not as it must be: the message says what to do.
class ProvisionRefused : public std::runtime_error {
  using runtime_error::runtime_error;
};

struct ProvisionPlan {
  std::string origin;
  attest::Mode mode = attest::Mode::b;
  std::optional<std::uint8_t>
      pcr;  // none: the first of 12, 13, 15, 14, 9, 8 that is zero and unused by the event log
  std::uint32_t ak_handle = 0x81005354, counter_handle = 0x01805354, extend_handle = 0x01805355;
  attest::Hash salt;  // random
  attest::Hash checkpoint_seed;  // random: used if the TPM holds no key for checkpoints yet
  std::int64_t created_ns = 0;
  AuthValue ak_auth{}, counter_auth{}, extend_auth{}, endorsement_auth{};
  AuthValue owner_auth{}, lockout_auth{};  // Mode A: as escrowed
  bool locked_from_outside = false;  // Mode A: the auditor locks owner and lockout (relay.h)
  attest::Bytes event_log;                 // firmware's, to choose P
  // Of a later era only: what its genesis says of the one before (attest/era.h).
  std::uint32_t era = 0;
  attest::Hash previous_log_id;
  attest::TreeHead previous_tree{0, {}};
  attest::Bytes genesis_tlvs;
};

// What the caller keeps durable, called in this order; each must return only when it is durable.
struct Keeper {
  // The secrets, and the genesis that an escrow names; again at every attempt. Before all else.
  std::function<void(const Credentials&, const attest::Bytes& genesis)> identity;
  std::function<void(const attest::Bytes& genesis)> genesis;  // before EvictControl
  std::function<void(const attest::Bytes& receipt)> genesis_receipt;
  std::function<void(const attest::TrustFile&)> trust;  // again at every attempt
  // Every time, once the TPM keeps the seed of the key that signs checkpoints (checkpoint_key.h).
  // Nothing: it holds none, and takes none without the ownerAuth that was not given. May be empty.
  std::function<void(const std::optional<attest::Hash>& seed)> checkpoint_seed = {};
  std::function<void(std::string_view step)> progress;  // for people: a step that changed the TPM
};

// What an earlier, interrupted attempt has kept: salt, time, mode, P and origin come from its
// genesis.
struct Kept {
  std::optional<attest::Bytes> genesis;
  std::optional<attest::Bytes> genesis_receipt;
};

// What stands at the plan's handles, and P as it would be chosen now: for showing a plan, changing
// nothing.
struct Prospect {
  bool ak_there = false, counter_there = false, extend_there = false;
  std::optional<std::uint8_t> pcr;
};
Prospect look_ahead(Device&, const ProvisionPlan&);

Credentials provision(Device&, const ProvisionPlan&, const Kept&, const Keeper&);

// Which authValues of this TPM are set (not: by whom).
struct HierarchyState {
  bool owner_set = false;
  bool endorsement_set = false;
  bool lockout_set = false;
  bool clear_disabled = false;
  bool operator==(const HierarchyState&) const = default;
};
HierarchyState hierarchy_state(Device&);

// What a trust file says of this kind of device.
attest::TpmKind tpm_kind(const Device::Kind&);

// Removes the checkpoint key, AK, C, E and resets the endorsement (and in Mode A owner and lockout) auths. What is not
// there is skipped and said. disableClear stays: only platform authority (the firmware) can lift
// it.
void deprovision(Device&, const Credentials&, attest::Mode,
                 const std::optional<AuthValue>& owner_auth,
                 const std::optional<AuthValue>& lockout_auth,
                 const std::function<void(std::string_view)>& progress);

// What the TPM shows of an era that ends, for the genesis of the next (attest/era.h). Nothing: its
// key or indexes are gone from this TPM, or no longer what they were.
std::optional<attest::EraEnd::Shown> show_era_end(Device&, const Credentials&,
                                                  const attest::Hash& nonce,
                                                  const attest::Hash& extra_data);
// Removes AK, checkpoint key, C and E alone: the hierarchies belong to the era that follows. What is not ours
// stays.
void retire(Device&, const Credentials&, const std::optional<AuthValue>& owner_auth,
            const std::function<void(std::string_view)>& progress);

}  // namespace stele::tpm
