#include "attest/attestation.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(ak) {
  const auto parsed = AttestationPublic::parse(input);
  if (!parsed) return false;
  ENSURE(stele::test::same(parsed->encoded(), input));
  return true;
}
