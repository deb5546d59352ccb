#include "tpm/relay_claim.h"

#include "attest/identity/claimed_intervals.h"
#include "attest/identity/index_names.h"
#include "attest/receipt.h"

namespace stele::tpm {

using attest::Defect;
using attest::Fault;

attest::Result<RelayClaim> verify_relay_claim(const RelayHello& hello) {
  auto trust = attest::parse_trust(hello.trust);
  if (!trust) return trust.error();
  if (trust->mode != attest::Mode::a) {
    return Defect(Fault::value_out_of_range, {}, "its log is not of mode a");
  }
  if (trust->says_what_only_an_auditor_can()) {
    return Defect(Fault::value_out_of_range, {},
                  "its trust file says what only an auditor's own can: that it was enrolled, how its "
                  "TPM was locked, which foreign extends are acknowledged, or which boots are known");
  }
  for (auto& era : trust->earlier) era.pins.forget_what_only_an_auditor_can_say();
  const auto genesis = attest::decode_genesis(hello.genesis);
  if (!genesis) return genesis.error();
  const auto identity = trust->identity();
  if (!identity) return identity.error();
  const bool fits =
      trust->log_id == attest::log_id(hello.genesis) && trust->origin == genesis->origin &&
      trust->era == genesis->era && trust->mode == genesis->mode && trust->pcr == genesis->pcr &&
      identity->ak.name() == genesis->ak_name && trust->counter_name == genesis->counter_name &&
      trust->extend_name == genesis->extend_name &&
      trust->first_extend == attest::first_extend(hello.genesis);
  if (!fits) return Defect(Fault::genesis_mismatch, {}, "its trust file is not of its genesis");
  const auto indexes = attest::verify_index_names({hello.counter_handle, hello.extend_handle},
                                                  genesis->counter_name, genesis->extend_name);
  if (!indexes) return indexes.error();
  const auto receipt = attest::decode_receipt(hello.genesis_receipt);
  if (!receipt) return receipt.error();
  const auto verified =
      attest::verify_receipt(*receipt, *identity, attest::genesis_digest(hello.genesis),
                             trust->first_counter, trust->first_extend);
  if (!verified) return verified.error();
  const attest::Run base{trust->base_reset, trust->base_restart};
  if (verified->run() != base || verified->firmware() != trust->base_firmware) {
    return Defect(Fault::genesis_mismatch, {}, "its trust file is not of its genesis receipt");
  }
  std::vector<std::string> bounded = attest::bound_intervals(*trust);
  return RelayClaim{*std::move(trust), std::move(bounded)};
}

}  // namespace stele::tpm
