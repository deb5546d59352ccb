#include "attest/checkpoint.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(note_key) {
  const auto parsed = parse_note_key({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!parsed) return false;
  ENSURE(stele::test::same(view(to_text(*parsed)), input));
  return true;
}
