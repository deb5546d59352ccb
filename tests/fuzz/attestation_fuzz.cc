#include "attest/attestation.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(attestation) {
  const auto parsed = parse_attestation(input);
  if (!parsed) return false;
  ENSURE(parsed->selections.size() <= 16);
  return true;
}
