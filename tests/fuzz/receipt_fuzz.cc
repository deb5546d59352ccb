#include "attest/receipt.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(receipt) {
  const auto decoded = decode_receipt(input);
  if (!decoded) return false;
  ENSURE(stele::test::same(encode(*decoded), input));
  return true;
}
