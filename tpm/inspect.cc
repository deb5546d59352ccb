#include "tpm/inspect.h"

#include <map>

#include "tpm/esys.h"

namespace stele::tpm {
namespace {

// The properties of one group (TPM2_PT_FIXED or TPM2_PT_VAR), as many as one answer holds: all of
// them on the chips known.
std::map<TPM2_PT, std::uint32_t> properties(Device& device, TPM2_PT group) {
  EsysPtr<TPMS_CAPABILITY_DATA> found;
  execute(device, "TPM2_GetCapability", [&] {
    return Esys_GetCapability(device.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              TPM2_CAP_TPM_PROPERTIES, group, TPM2_MAX_TPM_PROPERTIES, nullptr,
                              out(found));
  });
  std::map<TPM2_PT, std::uint32_t> values;
  const TPML_TAGGED_TPM_PROPERTY& list = found->data.tpmProperties;
  for (std::uint32_t i = 0; i < list.count; ++i) {
    values[list.tpmProperty[i].property] = list.tpmProperty[i].value;
  }
  return values;
}

}  // namespace

Inspection inspect(Device& device) {
  auto fixed = properties(device, TPM2_PT_FIXED);
  auto variable = properties(device, TPM2_PT_VAR);
  Inspection found;
  found.kind = device.kind();
  found.hierarchies = hierarchy_state(device);
  found.lockout = {(variable[TPM2_PT_PERMANENT] & TPMA_PERMANENT_INLOCKOUT) != 0,
                   variable[TPM2_PT_LOCKOUT_COUNTER], variable[TPM2_PT_MAX_AUTH_FAIL],
                   variable[TPM2_PT_LOCKOUT_INTERVAL], variable[TPM2_PT_LOCKOUT_RECOVERY]};
  found.clock = read_clock(device);
  found.clock_update_ms = fixed[TPM2_PT_CLOCK_UPDATE];
  return found;
}

std::optional<attest::Name> name_at(Device& device, std::uint32_t handle) {
  const Object object = find_object(device, handle);
  if (!object) return std::nullopt;
  return object.name();
}

}  // namespace stele::tpm
