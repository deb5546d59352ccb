// What provisioning would find and choose, and what a trust file says of a device; changes nothing.
#include "attest/identity/tpm_maker.h"
#include "tpm/esys.h"
#include "tpm/pcr_choice.h"
#include "tpm/provision.h"

namespace stele::tpm {

Prospect look_ahead(Device& device, const ProvisionPlan& plan) {
  const auto read = [&](std::uint8_t number) { return read_pcr(device, number); };
  return {static_cast<bool>(find_object(device, plan.ak_handle)),
          static_cast<bool>(find_object(device, plan.counter_handle)),
          static_cast<bool>(find_object(device, plan.extend_handle)),
          plan.pcr ? plan.pcr : choose_pcr(plan.event_log, read)};
}

attest::TpmKind tpm_kind(const Device::Kind& kind) {
  if (kind.simulator) return attest::TpmKind::simulator;
  return attest::kind_of(kind.manufacturer, kind.model);
}

}  // namespace stele::tpm
