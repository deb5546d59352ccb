// What to do with the anchor that a crash left behind: the tables of README.md, "Recovery", as a
// pure function.
//
// Thread safety: pure.
// Errors: none: what cannot be explained is Action::stop with a reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "attest/anchor_chain.h"
#include "tpm/anchor.h"

namespace stele::tpm {

// P first: P is extended with the intent's d before anything else, unless it has it.
enum class Action {
  nothing,               // no open intent, C and E as the newest receipt says
  anchor_again,          // counter intent, nothing happened in NV, same run: full anchor, P first
  void_and_anew,         // the same in another run: void it, a new intent for the same n
  extend_and_read_back,  // C incremented, E not
  read_back,             // both happened, no receipt
  quote_again,           // quote intent, same run: quote, P first
  void_quote,            // quote intent, other run, or P has a new base since
  foreign_extend,        // P is nothing that we made it: new base, then decide again
  stop,                  // TPM put back, foreign writer, index missing: never repair, say so
};

struct Decision {
  Action action = Action::nothing;
  bool extend_pcr_first = false;  // P lacks the d of the open intent
  std::string reason;             // for stop and foreign_extend: a sentence with the values
};

// What the journal leads to, as far as the decision needs it.
struct Recorded {
  std::uint64_t counter = 0;  // C and E after the newest counter receipt
  attest::Hash extend;
  attest::Hash fold;  // P, the open intent excluded
  std::optional<attest::OpenIntent> intent;
};

// same_run: the run signed now is that of the open intent's statement; without an intent, that of
// the chain's newest bundle before this start. pcr matters only then.
Decision decide(const Recorded& recorded, const IndexState& indexes, const attest::Hash& pcr,
                bool same_run);
Decision decide(const attest::AnchorChain& chain, const IndexState& indexes,
                const attest::Hash& pcr, bool same_run);

}  // namespace stele::tpm
