#include "attest/witness/policy.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

// Read, written in its one form, read again: the same policy; and its quorum can be asked.
FUZZ_TARGET(witness_policy) {
  const auto policy = parse_policy({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!policy) return false;
  const std::string text = to_text(*policy);
  const auto again = parse_policy(text);
  ENSURE(again && to_text(*again) == text);
  ENSURE(policy->holds(std::vector<bool>(policy->witnesses.size(), true)));
  ENSURE(policy->holds(std::vector<bool>(policy->witnesses.size(), false)) ==
         !policy->quorum.has_value());
  return true;
}
