#include "tests/fuzz/fuzz.h"
#include "tools/stele_verify/signed_half.h"

using namespace stele;

FUZZ_TARGET(signed_half) {
  const auto half = tools::decode_signed_half(input);
  if (!half) return false;
  ENSURE(test::same(encode(*half), input));
  ENSURE(tools::have_one_number(half->statement, half->statement));
  // Pinned by nobody: no proof of anything.
  ENSURE(!tools::verify_half(*half, {}));
  return true;
}
