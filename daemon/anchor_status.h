// What the anchorer tells others: its state, and what came of a request.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attest/receipt.h"
#include "attest/statement.h"
#include "daemon/refusal_cause.h"

namespace stele::daemon {

struct AnchorStatus {
  enum class State {
    starting,
    anchoring,
    unavailable,  // TPM absent or failing: tried again with back-off
    contended,    // somebody else keeps coming between: likewise
    stopped,      // TPM put back, foreign writer, index missing: for good, until a person decides
  };
  State state = State::starting;
  std::string reason;                 // of the last three: words and what to do
  std::uint64_t counter_anchors = 0;  // seq
  std::uint64_t counter = 0;          // C; odometer = counter - first_counter
  std::uint64_t first_counter = 0;
  std::uint64_t quote_seq = 0;
  std::uint64_t counter_anchored = 0;  // records covered by a stored counter receipt
  std::uint64_t anchored = 0;          // by a receipt of either kind
  std::int64_t newest_ns = 0;          // wall clock of the newest statement with a receipt; 0: none
  bool critical_waiting = false;       // a critical event waits for its counter anchor
  std::string mode;                    // "a" or "b"
  std::int64_t working_since_ns = 0;   // wall clock: the round at the TPM began; 0: none goes on
  // Tries since the start that failed and led to this state.
  std::uint64_t failures_unavailable = 0;
  std::uint64_t failures_contended = 0;
  std::uint64_t failures_stopped = 0;
};
std::string_view name(AnchorStatus::State state);  // "anchoring"

// What an on-demand anchor came to.
struct AnchorOutcome {
  bool done = false;
  std::string reason;  // if not: words, and when to try again
  int exit_code = 0;   // if not: 69 TPM unavailable or stopped, 75 too soon or queue full
  RefusalCause cause = RefusalCause::tpm_unavailable;  // if not
  std::uint64_t seq = 0;
  std::uint64_t tree_size = 0;
};

// Why something cannot be asked of the TPM now, known before it is.
struct AnchoringRefusal {
  std::string reason;
  int exit_code = 0;  // as above
  RefusalCause cause = RefusalCause::tpm_unavailable;
};

// What a request for a live answer came to.
struct AnswerOutcome {
  std::optional<attest::Bytes> answer;  // encoded attest::Answer
  std::string reason;                   // if none
  int exit_code = 0;                    // if none: as above
  RefusalCause cause = RefusalCause::tpm_unavailable;  // if none
};

// What a request of an enrolment came to.
struct EnrolmentOutcome {
  std::optional<attest::Bytes> reply;  // encoded attest::HostIdentity, or the secret
  std::string reason;                  // if none
  int exit_code = 0;                   // if none: as above, or 65: the TPM refuses the credential
  RefusalCause cause = RefusalCause::tpm_unavailable;  // if none
};

// A counter anchor with its stored receipt: what proofs stand on.
struct CounterAnchor {
  attest::Statement statement;
  attest::Receipt receipt;
};

}  // namespace stele::daemon
