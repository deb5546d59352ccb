// The faults that tests put between a Device and its TPM: every code that matters, and every way
// in which a command or a response can be lost or spoiled.
//
// Thread safety: pure. See: TPM 2.0 Library, Part 2, 6.6.3 (codes).
#pragma once

#include <string>
#include <vector>

#include "tests/support/meddling_tcti.h"
#include "tpm/error.h"

namespace stele::test {

struct NamedFault {
  std::string name;
  Fault fault;
  tpm::TpmError::Kind kind = tpm::TpmError::Kind::lost_device;  // what it must be called
  bool stands_for_others = false;  // one of each sort, for where not all can be tried
};

// Answered in the TPM's place, with the numbers of handle and session that they come with.
std::vector<NamedFault> code_faults();
// Lost on the way there or back, the response before it once more, none, too long, a wrong tag,
// cut short and a bit flipped at several places.
std::vector<NamedFault> response_faults();

// Takes every slot for sessions and transient objects that a TPM without resource manager has, as
// other programs do: with a key, hash sequences and sessions.
void fill_slots(const Swtpm& swtpm);

// Whether these are the quantities of a long run (STELE_LONG).
bool is_long_run();
// Those that stand for others.
std::vector<NamedFault> one_of_each_sort(const std::vector<NamedFault>& faults);

}  // namespace stele::test
