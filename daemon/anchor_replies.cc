#include "daemon/anchor_replies.h"

#include <sysexits.h>

namespace stele::daemon {

void AnchorReplies::refuse_all() {
  const std::lock_guard lock(mutex_);
  for (auto& [number, waiting] : std::exchange(waiting_, {})) {
    std::visit(
        [this]<class Outcome>(const Done<Outcome>& done) {
          hand_out(done, refused<Outcome>(EX_UNAVAILABLE,
                                          "the daemon is ending, and the TPM does not answer",
                                          RefusalCause::daemon_ending));
        },
        waiting);
  }
}

}  // namespace stele::daemon
