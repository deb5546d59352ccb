#include "attest/bundle.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(bundle) {
  const auto decoded = decode_bundle(input);
  if (!decoded) return false;
  ENSURE(stele::test::same(encode(*decoded), input));
  return true;
}
