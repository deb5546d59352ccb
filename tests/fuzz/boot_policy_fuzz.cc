// A boot policy's lines: what is accepted is written back the same, and holds no more than it may.
#include "attest/boot/policy_text.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(boot_policy) {
  const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
  const auto policy = boot::parse_policy(text);
  if (!policy) return false;
  ENSURE(to_text(*policy) == text);
  ENSURE(rules(*policy) <= boot::kMaxPolicyRules);
  return true;
}
