// The commands that a host passes on for an auditor who locks its TPM from outside; no others.
//
// Inspection: GetCapability; ReadPublic of the endorsement key and the AK; NV_ReadPublic of C and
// E; NV_Read of both by the owner's authorisation. A session: StartAuthSession (HMAC, salted to the
// endorsement key, not bound), FlushContext of one that was started here. The locks, authorised by
// such a session and never by a password: HierarchyChangeAuth of owner and lockout, its new value
// encrypted; SetPrimaryPolicy of both, to none; ClearControl by lockout, disabling alone.
// So whoever reaches the relay can lock this TPM once, as its operator asked for, and change
// nothing else; and a secret that would pass in the clear is refused before it is in the TPM.
// Thread safety: pure. Errors: truncated, trailing_bytes, value_out_of_range with what it was.
// Trust: the commands come from whoever has connected. See: TPM 2.0 Library Part 1, 18; Part 3.
#pragma once

#include <cstdint>
#include <vector>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::tpm {

// What the rules know by name.
struct RelayPlaces {
  std::uint32_t endorsement_handle = 0;
  std::uint32_t ak_handle = 0, counter_handle = 0, extend_handle = 0;
  std::vector<std::uint32_t> sessions;  // started by commands that were passed on
};

struct RelayCommand {
  std::uint32_t code = 0;     // TPM_CC
  std::uint32_t flushed = 0;  // the session that it ends, if it is FlushContext
};
attest::Result<RelayCommand> decode_relay_command(attest::ByteView command,
                                                  const RelayPlaces& places);

}  // namespace stele::tpm
