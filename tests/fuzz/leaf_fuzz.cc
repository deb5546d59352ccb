#include "attest/record.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(leaf) {
  const auto decoded = decode_leaf(input);
  if (!decoded) return false;
  ENSURE(stele::test::same(encode(*decoded), input));
  return true;
}
