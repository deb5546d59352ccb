#include "attest/identity/claimed_intervals.h"

namespace stele::attest {

std::vector<std::string> bound_intervals(TrustPins& pins) {
  std::vector<std::string> bounded;
  const auto bound = [&](std::uint64_t& value, std::uint64_t longest, const char* what) {
    if (value <= longest) return;
    bounded.push_back(std::string(what) + ' ' + std::to_string(value) + " claimed, " +
                      std::to_string(longest) + " pinned");
    value = longest;
  };
  bound(pins.quote_interval_ms, kMaxClaimedQuoteMs, "quote_interval_ms");
  bound(pins.max_quote_gap, kMaxClaimedQuoteGap, "max_quote_gap");
  bound(pins.heartbeat_s, kMaxClaimedHeartbeatS, "heartbeat_s");
  bound(pins.slack_ms, kMaxClaimedSlackMs, "slack_ms");
  bound(pins.clock_update_ms, kMaxClaimedClockMs, "clock_update_ms");
  return bounded;
}

}  // namespace stele::attest
