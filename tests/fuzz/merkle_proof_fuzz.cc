// Inclusion and consistency proofs: index u64, size u64, leaf or older root, newer root, then the proof.
// What is accepted lies within the bounds of the sizes, and no longer holds with a bit of it changed.
#include "attest/codec.h"
#include "attest/merkle.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(merkle_proof) {
  Reader reader(input);
  const std::uint64_t first = reader.u64();
  const std::uint64_t second = reader.u64();
  const Hash older = reader.hash();
  const TreeHead newer{second, reader.hash()};
  std::vector<Hash> proof;
  while (reader.left() >= 32 && proof.size() <= 130) proof.push_back(reader.hash());
  if (!reader.done()) return false;

  const bool included = verify_inclusion(first, older, newer, proof).has_value();
  const bool consistent = verify_consistency({first, older}, newer, proof).has_value();
  if (included) {
    ENSURE(first < second && proof.size() <= 64);
    ENSURE(!verify_inclusion(second, older, newer, proof));
  }
  if (consistent) ENSURE(0 < first && first <= second);
  if (!proof.empty() && (included || consistent)) {
    proof.back().bytes[0] ^= 1;
    ENSURE(!verify_inclusion(first, older, newer, proof) || !included);
    ENSURE(!verify_consistency({first, older}, newer, proof) || !consistent);
  }
  return included || consistent;
}
