#include "attest/gap.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(gap) {
  const auto gap = decode_gap(input);
  if (!gap) return false;
  ENSURE(stele::test::same(view(encode(*gap)), input));
  return true;
}
