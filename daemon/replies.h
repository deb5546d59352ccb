// What the control socket answers with: records, status and refusals as lines of JSON.
//
// Thread safety: pure. See: README.md, "Control protocol" (schema stele.status/1).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attest/genesis.h"
#include "daemon/anchorer.h"
#include "daemon/ingest/inputs.h"
#include "daemon/sequencer.h"
#include "storage/store.h"

namespace stele::daemon {

// All that a status tells, gathered at one moment.
struct StatusFacts {
  std::string origin;
  attest::Hash log_id;
  attest::TreeHead head;
  AnchorStatus anchoring;
  SequencerStatus queue;
  InputCounters ingest;                                       // of all inputs
  std::vector<std::pair<std::string, InputCounters>> inputs;  // of each
  bool ready = false;
  std::int64_t created_ns = 0;  // the log, by its genesis
  std::int64_t started_ns = 0;  // this daemon
  std::int64_t now_ns = 0;
  std::int64_t exposed_since_ns = 0;  // time of the first record that no anchor covers; 0: none
  std::uint64_t disk_free_bytes = 0;
  std::chrono::milliseconds heartbeat{0};
  std::uint64_t assumed_cycles = 0;
};
std::string status_line(const StatusFacts& facts);

std::string record_line(const storage::StoredRecord& record);
std::string refusal_line(int exit_code, std::string_view message);

}  // namespace stele::daemon
