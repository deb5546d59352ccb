#include "daemon/challenge_request.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(challenge) {
  const auto challenge =
      decode_challenge({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!challenge) return false;
  const auto again = decode_challenge(to_json(*challenge));
  ENSURE(again && *again == *challenge);
  return true;
}
