#include "attest/witness/cosigned_heads.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(cosigned_heads) {
  const auto heads =
      parse_cosigned_heads({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!heads) return false;
  ENSURE(stele::test::same(view(to_text(*heads)), input));
  return true;
}
