// What C and E must be: the Names that a counter and an extend index of this design have at their
// handles, once written.
//
// A Name is all that a receipt shows of an index, and an ordinary index has one too: it could be
// set back at will. The public area behind a Name follows from the handle alone (tpm/README.md,
// "Objects"), so whoever pins a Name first makes it anew.
// Thread safety: pure. Errors: index_unfit. Trust: handles and Names come from the host under
// judgement. See: TPM 2.0 Library Part 1, 16 (Names); Part 2, 13.5 (TPMS_NV_PUBLIC).
#pragma once

#include "attest/attestation.h"

namespace stele::attest {

struct IndexHandles {
  std::uint32_t counter = 0, extend = 0;
  bool operator==(const IndexHandles&) const = default;
};

Name counter_name_at(std::uint32_t handle);
Name extend_name_at(std::uint32_t handle);

// That these are the Names of a counter and of an extend index, and not of ordinary ones.
Result<void> verify_index_names(const IndexHandles& at, const Name& counter, const Name& extend);

}  // namespace stele::attest
