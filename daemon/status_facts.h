// All that status, readiness and metrics tell of a daemon, gathered at one moment.
//
// Thread safety: a value; gather_status() from any thread. Blocks: it reads one record and asks the
// file system for its free space.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/controlled_daemon.h"

namespace stele::daemon {

struct StatusFacts {
  std::string origin;
  attest::Hash log_id;
  attest::TreeHead head;
  AnchorStatus anchoring;
  SequencerStatus queue;
  std::optional<std::uint64_t> look_up_behind;                // records; none: no look-up
  InputCounters ingest;                                       // of all inputs
  std::vector<std::pair<std::string, InputCounters>> inputs;  // of each
  bool ready = false;
  bool confined = false;
  std::int64_t created_ns = 0;  // the log, by its genesis
  std::int64_t started_ns = 0;  // this daemon
  std::int64_t now_ns = 0;
  std::int64_t exposed_since_ns = 0;  // time of the first record that no anchor covers; 0: none
  std::uint64_t disk_free_bytes = 0;
  std::chrono::milliseconds heartbeat{0};
  std::chrono::milliseconds lag_limit{0};
  std::uint64_t assumed_cycles = 0;
  std::vector<OutwardStatus> outward;

  std::uint64_t unanchored() const {  // records
    return head.size - std::min(head.size, anchoring.anchored);
  }
  double waited_s(const OutwardStatus& place) const {
    const std::int64_t since = place.lag_since_ns;
    return since == 0 ? 0.0 : static_cast<double>(std::max<std::int64_t>(0, now_ns - since)) / 1e9;
  }
  // For how long the oldest of them has waited; 0: there is none.
  std::int64_t lag_ns() const {
    const bool exposed = unanchored() > 0 && exposed_since_ns != 0;
    return exposed ? std::max<std::int64_t>(0, now_ns - exposed_since_ns) : 0;
  }
};
StatusFacts gather_status(const ControlledDaemon& daemon);

}  // namespace stele::daemon
