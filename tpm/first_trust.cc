#include "tpm/first_trust.h"

#include "attest/check.h"
#include "attest/genesis.h"
#include "tpm/provision.h"

namespace stele::tpm {

attest::TrustFile first_trust(attest::ByteView genesis, const attest::Receipt& genesis_receipt,
                              const attest::TpmIdentity& identity, const Device::Kind& kind) {
  const auto begun = attest::decode_genesis(genesis);
  const auto signed_by =
      attest::parse_attestation(genesis_receipt.audit->signed_attestation.attest);
  ENSURE(begun && signed_by);
  attest::TrustFile trust;
  trust.origin = begun->origin;
  trust.log_id = attest::log_id(genesis);
  trust.era = begun->era;
  trust.mode = begun->mode;
  trust.ak = identity.ak.encoded();
  trust.counter_name = identity.counter_name;
  trust.extend_name = identity.extend_name;
  trust.pcr = begun->pcr;
  trust.first_counter = genesis_receipt.audit->counter;
  trust.first_extend = attest::first_extend(genesis);
  trust.base_reset = signed_by->run.reset;
  trust.base_restart = signed_by->run.restart;
  trust.base_firmware = signed_by->firmware;
  trust.tpm_kind = tpm_kind(kind);
  trust.tpm_manufacturer = kind.manufacturer;
  trust.tpm_model = kind.model;
  return trust;
}

}  // namespace stele::tpm
