// What somebody else puts into a TPM before or beside a log: NV indexes of any kind, persistent
// keys; and everything lasting that the TPM holds, by Name.
//
// Thread safety: none. Errors: TpmError of what must work; the TPM's own code where it may refuse.
#pragma once

#include <tss2/tss2_esys.h>

#include <cstdint>
#include <string>
#include <vector>

#include "attest/hash.h"
#include "tpm/esys.h"

namespace stele::test {

// TPM2_NV_DefineSpace, by whoever may define this area: the platform where the attributes say so,
// else the owner; with `auth` as its authValue. The TPM's code, 0 for success.
TSS2_RC define(tpm::Device& device, const TPM2B_NV_PUBLIC& area, attest::ByteView auth = {});
// TPM2_NV_UndefineSpace by the same. The TPM's code.
TSS2_RC undefine(tpm::Device& device, const TPM2B_NV_PUBLIC& area);

// A primary of the owner hierarchy, made persistent at this handle.
void plant_key(tpm::Device& device, const TPM2B_PUBLIC& area, std::uint32_t handle);
void evict_key(tpm::Device& device, std::uint32_t handle);

// "HANDLE NAME" of every NV index and every persistent object, in order.
std::vector<std::string> lasting(tpm::Device& device);

}  // namespace stele::test
