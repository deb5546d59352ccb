// A command that an auditor wants passed on to the TPM: whatever is let through is one of few, and
// ends no session but its own.
#include "tests/fuzz/fuzz.h"
#include "tpm/relay_rules.h"

using namespace stele;

FUZZ_TARGET(relay_command) {
  const tpm::RelayPlaces places{0x80000000, 0x81005354, 0x01805354, 0x01805355, {0x02000000}};
  const auto command = tpm::decode_relay_command(input, places);
  if (!command) return false;
  constexpr std::uint32_t kPassed[] = {0x127, 0x129, 0x12e, 0x14e, 0x165,
                                       0x169, 0x173, 0x176, 0x17a};
  ENSURE(std::find(std::begin(kPassed), std::end(kPassed), command->code) != std::end(kPassed));
  ENSURE(command->flushed == 0 || command->flushed == 0x02000000);
  // With other handles, or no session of its own, nothing that changes anything is passed on.
  constexpr std::uint32_t kChanging[] = {0x127, 0x129, 0x12e};
  if (std::find(std::begin(kChanging), std::end(kChanging), command->code) != std::end(kChanging)) {
    ENSURE(!tpm::decode_relay_command(input, {0x80000000, 0x81005354, 0x01805354, 0x01805355, {}}));
  }
  return true;
}
