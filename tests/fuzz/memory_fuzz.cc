#include "attest/appraiser.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(memory) {
  const auto parsed = parse_memory({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!parsed) return false;
  ENSURE(stele::test::same(view(to_text(*parsed)), input));
  return true;
}
