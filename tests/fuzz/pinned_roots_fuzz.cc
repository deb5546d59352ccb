// A file of the auditor's folder of TPM makers: certificates in PEM or DER are pinned, or the whole
// file is refused and nothing of it is.
#include "attest/identity/ek_certificate.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(pinned_roots) {
  PinnedRoots roots;
  const auto added = roots.add(input);
  if (!added) {
    ENSURE(roots.size() == 0 && !added.error().detail.empty());
    return false;
  }
  ENSURE(*added > 0 && *added <= kMaxPinned && roots.size() == *added);
  const auto again = roots.add(input);
  ENSURE(again ? roots.size() == 2 * *added : 2 * *added > kMaxPinned && roots.size() == *added);
  return true;
}
