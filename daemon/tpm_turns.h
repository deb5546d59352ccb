// TpmTurns: whether the TPM can be asked for a live answer or an enrolment now, known before
// anything is read, recorded or given out for it; and how often.
//
// What is refused here cost nobody anything, and one record says all of it. What is let in may
// still be refused later: by a TPM that goes meanwhile. Thread safety: none; the anchorer guards
// it. See: README.md, "Control protocol".
#pragma once

#include <optional>

#include "daemon/anchor_status.h"
#include "daemon/token_bucket.h"

namespace stele::daemon {

class TpmTurns {
 public:
  enum class For {
    answer,
    testimony,  // also once anchoring has stopped
    enrolment,
  };
  TpmTurns();
  // Nothing: it can, and a token is drawn for one request.
  std::optional<AnchoringRefusal> admit(For what, const AnchorStatus& status,
                                        TokenBucket::Time now);

 private:
  TokenBucket answers_;
  TokenBucket enrolments_;
};

}  // namespace stele::daemon
