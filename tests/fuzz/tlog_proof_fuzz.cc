#include "attest/appraiser.h"
#include "attest/tlog_proof.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(tlog_proof) {
  const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
  // Nobody's trust file: whatever the bytes, never verified.
  ENSURE(Appraiser::appraise_tlog_proof(text, {}).conclusion != Conclusion::verified);
  const auto proof = parse_tlog_proof(text);
  if (!proof) return false;
  ENSURE(stele::test::same(view(to_text(*proof)), input));
  if (!proof->extra) return true;
  // A whole proof in the extra line is what its own form reads, with the path of the lines.
  const auto whole = decode_extra(*proof);
  if (!whole) return true;
  const auto again = decode_proof(encode(*whole));
  ENSURE(again && *again == *whole);
  return true;
}
