// RefusalCause: why something that was asked for was not given, by a name that access records keep.
//
// The names are a closed set: a new one is added, an old one never renamed.
// Thread safety: pure. See: README.md, "Records that the daemon writes itself".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace stele::daemon {

enum class RefusalCause : std::uint8_t {
  tpm_unavailable,     // absent, failing or contended
  anchoring_stopped,   // TPM or data directory put back, foreign writer
  daemon_ending,
  queue_full,          // too many requests wait for the TPM
  too_often,           // a token bucket is empty
  anchor_first,        // a counter anchor must come first, and those are limited
  tpm_interrupted,     // reset, lost or in others' hands meanwhile
  credential_refused,  // by the TPM
  content_erased,
  proof_too_long,
  not_anchored,  // what is to be shown is not covered by an anchor
  not_in_log,    // the statement to begin behind
  log_damaged,
  io_error,
  peer_gone,  // before it had all
};
std::string_view name(RefusalCause cause);  // "tpm_unavailable"
std::optional<RefusalCause> refusal_cause(std::string_view name);

}  // namespace stele::daemon
