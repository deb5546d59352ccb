// What an auditor and a host send each other: written back the same; and what a host says of its
// log is judged without harm.
#include "tests/fuzz/fuzz.h"
#include "tpm/relay_claim.h"

using namespace stele;

FUZZ_TARGET(relay_message) {
  const auto message = tpm::decode_relay_message(input);
  if (!message) return false;
  ENSURE(test::same(tpm::encode(*message), input));
  if (message->kind != tpm::RelayKind::hello) return true;
  const auto hello = tpm::decode_relay_hello(message->payload);
  if (!hello) return false;
  ENSURE(tpm::encode(*hello) == message->payload);
  if (const auto claim = tpm::verify_relay_claim(*hello)) {
    ENSURE(claim->trust.mode == attest::Mode::a && !claim->trust.enrolled &&
           !claim->trust.locked_from_outside && !claim->trust.boot_policy);
  }
  return true;
}
