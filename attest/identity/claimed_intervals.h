// The longest that an auditor takes a host's word for, of the intervals in a trust file: what is
// longer is pinned as this.
//
// Nothing in a TPM shows them, and a host that stretches them hides gaps in its log.
// Thread safety: pure. Trust: the intervals are the host's claim. Limits: below, each at or above
// what provisioning pins by default. See: README.md, "Enrolment".
#pragma once

#include <string>
#include <vector>

#include "attest/trust.h"

namespace stele::attest {

constexpr std::uint64_t kMaxClaimedQuoteMs = 60'000;
constexpr std::uint64_t kMaxClaimedQuoteGap = 60;
constexpr std::uint64_t kMaxClaimedHeartbeatS = 24 * 3600;
constexpr std::uint64_t kMaxClaimedSlackMs = 60'000;
constexpr std::uint64_t kMaxClaimedClockMs = 4'200'000;  // 70 minutes: the slowest known chips

// Cuts those of the newest era; what was cut, in words for the auditor.
std::vector<std::string> bound_intervals(TrustPins& pins);

}  // namespace stele::attest
