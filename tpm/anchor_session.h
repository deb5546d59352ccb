// An exclusive audit session over C and E: what happens in it, the TPM counts and then signs.
//
// The constructor resolves every object first (ESYS sends ReadPublic then, which inside the session
// would break its exclusivity), then starts the session. The first command resets the audit digest,
// every later one demands exclusivity: TpmError not_exclusive if somebody else came between.
// The same session authorises C and E by HMAC, so their authValues never cross the bus.
// Internal to tpm/. Thread safety: none. Blocks: each call. Errors: TpmError; leaves nothing in the
// TPM. See: README.md, "Session digest".
#pragma once

#include "tpm/anchor.h"
#include "tpm/esys.h"

namespace stele::tpm {

class AnchorSession {
 public:
  AnchorSession(Device& device, const Credentials& credentials);

  void increment();                                        // A3
  void extend(const attest::Hash& digest);                 // A4
  void read();                                             // A5: C, then E
  attest::AuditPart sign(const attest::Hash& extra_data);  // A6: what was read, and GSAD over it

 private:
  void next_command();  // sets the session's attributes for the command about to be sent
  attest::Bytes read_index(const Object& index, std::uint16_t size_bytes);

  Device& device_;
  attest::ByteView endorsement_auth_;
  Object ak_, counter_, extend_;
  Object session_;
  bool first_ = true;
  attest::AuditPart part_;
};

// An HMAC session, unbound and unsalted; ends with the object.
Object start_audit_session(Device& device);

// AK with its authValue set, found and compared with the pinned Name.
Object find_ak(Device& device, const Credentials& credentials);

}  // namespace stele::tpm
