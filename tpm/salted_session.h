// An HMAC session whose key only one endorsement key can open: what a TPM says in it, it says
// itself.
//
// Each answer's HMAC is checked by ESYS: one that was altered, made up, or answers an earlier
// command is a TpmError (lost_device), and the session is of no more use. A refusal has no HMAC.
// The key that the salt is encrypted to is read from the host, judged, and compared with what ESYS
// then encrypts to, whole and in its place: a host that answers ReadPublic differently twice, or
// wraps the one key in the other, gains nothing.
// Internal to tpm/. Thread safety: none. Blocks: each call. Errors: TpmError, LockRefused.
// See: TPM 2.0 Library Part 1, 19.6.8 (salted session keys), 19.6.13 (salt), 21.2 (encryption).
#pragma once

#include <functional>

#include "tpm/esys.h"
#include "tpm/provision.h"

namespace stele::tpm {

class SaltedSession {
 public:
  // judge throws unless the TPMT_PUBLIC at the handle is the key that it should be.
  SaltedSession(Device& device, std::uint32_t endorsement_handle,
                const std::function<void(attest::ByteView)>& judge);

  HierarchyState hierarchies();
  // The TPMT_PUBLIC of a persistent key; LockRefused if it has another qualified name.
  attest::Bytes key_at(std::uint32_t handle, const attest::Name& qualified_name);
  attest::Name index_at(std::uint32_t handle);  // from its public area
  // By the owner's authValue, as told with use_auth (hierarchies.h).
  attest::Bytes read(std::uint32_t index, std::uint16_t size);
  // By the hierarchy's own authValue; the new value is encrypted.
  void change_auth(ESYS_TR hierarchy, attest::ByteView new_auth);
  void unset_policy(ESYS_TR hierarchy);
  void disable_clear();

 private:
  Object key_with(std::uint32_t handle, const std::function<void(attest::ByteView)>& judge);
  void attributes(TPMA_SESSION wanted);

  Device& device_;
  Object session_;
};

}  // namespace stele::tpm
