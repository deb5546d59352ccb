#include "tests/support/sealed_evidence.h"

#include <algorithm>

#include "attest/evidence/format.h"

namespace stele::test {

attest::Bytes sealed_again(attest::Bytes bundle) {
  constexpr std::size_t kEnd = attest::kPartHeaderBytes + 32;
  if (bundle.size() < kEnd) return bundle;
  const attest::ByteView body = attest::ByteView(bundle).first(bundle.size() - kEnd);
  const attest::Hash whole = attest::hash({attest::tag("stele/v1/evidence"), body});
  std::copy(whole.bytes.begin(), whole.bytes.end(), bundle.end() - 32);
  return bundle;
}

}  // namespace stele::test
