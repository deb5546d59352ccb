// The trust file of a log that was just provisioned: what its genesis and genesis receipt say.
//
// Thread safety: pure. Errors: ENSURE: both were verified.
// Trust: the host's own word for its log, until an auditor compares it and signs.
#pragma once

#include "attest/receipt.h"
#include "attest/trust.h"
#include "tpm/device.h"

namespace stele::tpm {

attest::TrustFile first_trust(attest::ByteView genesis, const attest::Receipt& genesis_receipt,
                              const attest::TpmIdentity& identity, const Device::Kind& kind);

}  // namespace stele::tpm
