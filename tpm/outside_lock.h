// The auditor's side of Mode A from outside: locks the owner and lockout hierarchies of a TPM that
// only a host can reach, with secrets that the host never sees.
//
// All commands travel in one HMAC session whose key is salted to the TPM's endorsement key, and
// what is secret in them is encrypted under it (AES-128-CFB): only the TPM with that key can open
// them, and only it can answer so that ESYS believes the answer.
//
// Order: the endorsement key is the certificate's → session → this TPM holds AK, C and E of this
// log → secrets durable → ownerAuth, ownerPolicy none → lockoutAuth, lockoutPolicy none →
// disableClear → all of it read back, C and E too. Resumable at every point: what is set already is
// shown to be set to these very secrets. lockoutAuth is tried only where the TPM says that it is
// set: a wrong one locks it for a while.
// Thread safety: none. Blocks: each command; Device::Limits. Errors: LockRefused says what to do;
// what the transport throws. Trust: none in the host: what it says without an HMAC is believed only
// where a wrong answer makes the next step fail.
// See: README.md, "Mode A from outside"; TPM 2.0 Library Part 1, 19.6 (sessions), 21 (encryption).
#pragma once

#include <functional>
#include <stdexcept>
#include <string_view>

#include "attest/trust.h"
#include "tpm/anchor.h"

namespace stele::tpm {

// The host's TPM is not locked by us: the message says why, and what to do.
class LockRefused : public std::runtime_error {
  using runtime_error::runtime_error;
};

// What is to be locked: where it is, and what must be there.
struct LockTarget {
  std::uint32_t endorsement_handle = 0;
  std::uint32_t ak_handle = 0, counter_handle = 0, extend_handle = 0;
  attest::TpmIdentity identity;
  std::uint64_t first_counter = 0;
  attest::Hash first_extend;
};

struct LockSecrets {
  AuthValue owner{}, lockout{};
};

// What the caller does between the steps, in this order.
struct LockKeeper {
  // Throws unless this key (TPMT_PUBLIC) is the endorsement certificate's.
  std::function<void(attest::ByteView endorsement_public)> judge;
  // The secrets, durable on return: before anything in the TPM is changed.
  std::function<LockSecrets()> secrets;
  std::function<void(std::string_view step)> progress;
};

// What the TPM itself said in the end.
struct LockReport {
  bool was_locked = false;  // by these secrets, before
  std::uint64_t counter = 0;
  attest::Hash extend;
};

using Transport = std::function<attest::Bytes(attest::ByteView command)>;
LockReport lock_from_outside(const Transport& transport, const LockTarget& target,
                             const LockKeeper& keeper);

}  // namespace stele::tpm
