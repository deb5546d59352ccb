// Unsigned, what is accepted is written back the same; signed, its text is. Whatever key it pins must
// parse or be refused.
#include "attest/checkpoint.h"
#include "attest/trust.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(trust) {
  const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
  const auto trust = parse_trust(text);
  if (!trust) return false;
  const auto note = parse_note(text);
  ENSURE(to_text(*trust) == (note ? note->text : text));
  if (const auto identity = trust->identity()) ENSURE(identity->ak.encoded() == trust->ak);
  return true;
}
