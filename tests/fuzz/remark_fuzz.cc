#include "attest/entry.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(remark) {
  const auto decoded = decode_remark(input);
  if (!decoded) return false;
  ENSURE(stele::test::same(encode(*decoded), input));
  return true;
}
