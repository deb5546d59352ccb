// What to do with the anchor that a crash left behind: the tables of README.md, "Recovery", as a pure function.
//
// Thread safety: pure. Errors: none: what cannot be explained is Action::stop with a reason.
#pragma once

#include <string>

#include "attest/anchor_chain.h"
#include "tpm/anchor.h"

namespace stele::tpm {

enum class Action {
  nothing,              // no open intent, C and E as the newest receipt says
  anchor_again,         // counter intent, nothing happened in NV, same run: full anchor (P first, unless it has d)
  void_and_anew,        // counter intent, nothing happened in NV, other run: void it, new intent for the same n
  extend_and_read_back, // C incremented, E not
  read_back,            // both happened, no receipt
  quote_again,          // quote intent, same run (P first, unless it has d)
  void_quote,           // quote intent, other run
  foreign_extend,       // P is neither the fold nor the fold with the open intent
  stop,                 // TPM put back, foreign writer, index missing: never repair, say so
};

struct Decision {
  Action action = Action::nothing;
  bool extend_pcr_first = false;
  std::string reason;  // for stop and foreign_extend: a sentence with the values
};

// same_run: the run signed now is that of the open intent's statement; without an intent, that of the
// chain's newest bundle before this start. pcr matters only then.
Decision decide(const attest::AnchorChain& chain, const IndexState& indexes, const attest::Hash& pcr, bool same_run);

}  // namespace stele::tpm
