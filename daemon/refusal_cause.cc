#include "daemon/refusal_cause.h"

#include <array>

namespace stele::daemon {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 15> kNames{
    "tpm_unavailable", "anchoring_stopped", "daemon_ending",   "queue_full",
    "too_often",       "anchor_first",      "tpm_interrupted", "credential_refused",
    "content_erased",  "proof_too_long",    "not_anchored",    "not_in_log",
    "log_damaged",     "io_error",          "peer_gone"};
static_assert(kNames.size() == static_cast<std::size_t>(RefusalCause::peer_gone) + 1);

}  // namespace

std::string_view name(RefusalCause cause) {
  return kNames.at(static_cast<std::size_t>(cause));
}

std::optional<RefusalCause> refusal_cause(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<RefusalCause>(i);
  }
  return std::nullopt;
}

}  // namespace stele::daemon
