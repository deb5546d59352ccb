// What a host says of itself at enrolment: written back the same or refused, and judged without
// harm; nobody is believed who is vouched for by nobody.
#include "attest/identity/enrolment_appraisal.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(host_identity) {
  const auto identity = decode_host_identity(input);
  if (!identity) return false;
  ENSURE(stele::test::same(encode(*identity), input));
  const PinnedRoots nobody;
  const EnrolmentRules rules{nobody, 1'795'000'000, {}, true};
  ENSURE(!verify_any_certificate(identity->endorsement, rules).has_value());
  ENSURE(!appraise_identity(*identity, rules).has_value());
  return true;
}
