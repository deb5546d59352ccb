#include "attest/genesis.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(genesis) {
  const auto decoded = decode_genesis(input);
  if (!decoded) return false;
  ENSURE(stele::test::same(encode(*decoded), input));
  return true;
}
