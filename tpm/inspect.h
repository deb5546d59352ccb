// What a TPM says of itself, and what stands at a log's handles: read, never judged, never changed.
//
// Thread safety: none. Blocks: each call. Errors: TpmError.
// Trust: the host's own view, for people; only receipts are evidence.
#pragma once

#include <optional>

#include "tpm/anchor.h"
#include "tpm/provision.h"

namespace stele::tpm {

struct Inspection {
  Device::Kind kind;
  HierarchyState hierarchies;
  struct Lockout {
    bool is_locked = false;
    std::uint32_t failed_tries = 0;
    std::uint32_t max_tries = 0;
    std::uint32_t interval_s = 0;  // after which one failed try is forgotten
    std::uint32_t recovery_s = 0;  // after a wrong lockoutAuth; 0: until a reset
  } lockout;
  Clock clock;
  std::uint32_t clock_update_ms = 0;  // the clock is stored at least this often; 0: not said
};
Inspection inspect(Device&);

// The Name of what is at a handle now; nothing if there is nothing. An index that was never written
// has another Name than later.
std::optional<attest::Name> name_at(Device&, std::uint32_t handle);

}  // namespace stele::tpm
