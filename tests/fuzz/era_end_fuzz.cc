#include "attest/era.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(era_end) {
  const auto decoded = decode_era_end(input);
  if (!decoded) return false;
  ENSURE(stele::test::same(encode(*decoded), input));
  Genesis genesis;
  genesis.tlvs = era_end_tlvs(*decoded);
  ENSURE(era_end_of(genesis).value() == *decoded);
  return true;
}
