// A primary object, made and loaded, and an HMAC session; where they find no slot, room is made once.
//
// Making room flushes every transient object and session (esys.h): neither is to be made while one
// that is still needed is loaded. Internal to tpm/. Thread safety: none. Blocks: as the command
// does. Errors: TpmError.
#pragma once

#include "tpm/esys.h"

namespace stele::tpm {

struct Primary {
  Object object;  // flushed with it
  TPMT_PUBLIC area{};
};
Primary create_primary(Device& device, ESYS_TR hierarchy, const TPM2B_PUBLIC& area,
                       const TPM2B_SENSITIVE_CREATE& sensitive = {});

// Neither salted nor bound; parameters are encrypted as `symmetric` says.
Object start_hmac_session(Device& device, const TPMT_SYM_DEF& symmetric);
// AES-128-CFB, which every TPM of the PC Client profile has.
TPMT_SYM_DEF parameter_encryption();
TPMT_SYM_DEF no_encryption();

}  // namespace stele::tpm
