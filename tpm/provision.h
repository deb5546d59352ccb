// Provisioning: makes AK, C and E in the TPM and the genesis that names them; resumable by inspection.
//
// Order (README.md, "Provisioning"): escrow durable → AK transient → genesis durable (the caller stores
// it: `keep`) → EvictControl → define C, E → increment if unwritten → extend if unwritten → require
// E == E_0 → read-back = genesis receipt → trust data → hierarchy auths (Mode A) → disableClear last.
// Never deletes an index by itself; an index with other attributes at our handle is refused (squatting).
// Blocks: seconds. Thread safety: none. Errors: TpmError, ProvisionRefused.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "attest/genesis.h"
#include "attest/trust.h"
#include "tpm/anchor.h"

namespace stele::tpm {

class ProvisionRefused : public std::runtime_error {
  using runtime_error::runtime_error;
};

struct ProvisionPlan {
  std::string origin;
  attest::Mode mode = attest::Mode::b;
  std::optional<std::uint8_t> pcr;  // none: the first of 12, 13, 15, 14, 9, 8 that is zero and unused by the event log
  std::uint32_t ak_handle = 0x81005354, counter_handle = 0x01805354, extend_handle = 0x01805355;
  attest::Hash salt;                // random
  std::int64_t created_ns = 0;
  AuthValue ak_auth{}, counter_auth{}, extend_auth{}, endorsement_auth{};
  AuthValue owner_auth{}, lockout_auth{};  // Mode A: as escrowed
  attest::Bytes event_log;                 // firmware's, to choose P
};

// What the caller keeps durable, called in this order; each must return only when it is durable.
struct Keeper {
  std::function<void(const attest::Bytes& genesis)> genesis;             // before EvictControl
  std::function<void(const attest::Bytes& receipt)> genesis_receipt;
  std::function<void(const attest::TrustFile&)> trust;
  std::function<void(std::string_view step)> progress;                   // for people
};

// genesis_so_far: the bytes kept by an earlier, interrupted attempt (then salt, time, pcr come from it).
Credentials provision(Device&, const ProvisionPlan&, const std::optional<attest::Bytes>& genesis_so_far,
                      const Keeper&);
// Removes AK, C, E and resets the endorsement (and in Mode A owner and lockout) auths. What is not there is skipped and said.
void deprovision(Device&, const Credentials&, attest::Mode, const std::optional<AuthValue>& owner_auth,
                 const std::optional<AuthValue>& lockout_auth, const std::function<void(std::string_view)>& progress);

}  // namespace stele::tpm
