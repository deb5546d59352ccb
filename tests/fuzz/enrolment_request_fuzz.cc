// What an auditor sends to enrol a host: written back the same, or refused.
#include "attest/identity/enrolment.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(enrolment_request) {
  const auto request = decode_enrolment_request(input);
  if (!request) return false;
  ENSURE(stele::test::same(encode(*request), input));
  return true;
}
