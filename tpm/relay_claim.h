// What a host says of its log before its TPM is locked from outside, as far as its words can be
// held against each other and against the key that signed the genesis receipt.
//
// The rest (that this TPM holds key and indexes, and what they show) the TPM says itself
// (outside_lock.h). Intervals stay the host's word, within bounds (claimed_intervals.h); TPM kind,
// maker and model too, until the certificate's take their place.
// Thread safety: pure. Errors: trust_malformed, value_out_of_range (not mode a, or it claims to be
// locked from outside already), genesis_mismatch, ak_unfit, index_unfit (C or E is no counter or
// extend index); those of decode_genesis, decode_receipt and verify_receipt. Trust: all of it is
// from the host.
#pragma once

#include <string>
#include <vector>

#include "attest/trust.h"
#include "tpm/relay_message.h"

namespace stele::tpm {

struct RelayClaim {
  attest::TrustFile trust;
  std::vector<std::string> bounded;  // what the host claimed beyond the bounds, in words
};
attest::Result<RelayClaim> verify_relay_claim(const RelayHello& hello);

}  // namespace stele::tpm
