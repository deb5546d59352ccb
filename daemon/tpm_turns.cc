#include "daemon/tpm_turns.h"

#include <sysexits.h>

#include <chrono>

namespace stele::daemon {
namespace {

using State = AnchorStatus::State;
using std::chrono::milliseconds;

// Live answers: each costs the TPM a quote anchor and an audit session, but no wear.
constexpr std::uint32_t kAnswerBurst = 10;
constexpr milliseconds kAnswerRefill{100};
// Requests of enrolments: each makes an endorsement key, which keeps a slow chip busy for seconds.
// An enrolment is two or three of them.
constexpr std::uint32_t kEnrolmentBurst = 12;
constexpr milliseconds kEnrolmentRefill{5'000};

}  // namespace

TpmTurns::TpmTurns()
    : answers_(kAnswerBurst, kAnswerRefill), enrolments_(kEnrolmentBurst, kEnrolmentRefill) {}

std::optional<AnchoringRefusal> TpmTurns::admit(For what, const AnchorStatus& status,
                                                TokenBucket::Time now) {
  const bool stopped = status.state == State::stopped;
  if (status.state != State::anchoring && !(stopped && what == For::testimony)) {
    return AnchoringRefusal{
        status.reason.empty() ? "the TPM is not yet open" : status.reason, EX_UNAVAILABLE,
        stopped ? RefusalCause::anchoring_stopped : RefusalCause::tpm_unavailable};
  }
  TokenBucket& bucket = what == For::enrolment ? enrolments_ : answers_;
  if (bucket.take(now)) return std::nullopt;
  const auto wait = std::chrono::ceil<std::chrono::seconds>(bucket.next(now) - now);
  return AnchoringRefusal{(what == For::enrolment ? "too many enrolments asked for; try again in "
                                                  : "too many answers asked for; try again in ") +
                              std::to_string(wait.count()) + " s",
                          EX_TEMPFAIL, RefusalCause::too_often};
}

}  // namespace stele::daemon
