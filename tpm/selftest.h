// The selftest of a chip: whether it keeps the promises that anchors stand on, and how fast it is.
//
// Works on scratch indexes and a transient key of its own, under ownerAuth, and removes them on
// every way out; a log's own objects are not touched. Costs 12 NV writes
// and four for each sample. Must not run beside a daemon on the same TPM: it would break its
// exclusive sessions. Thread safety: none. Blocks: seconds. Errors: TpmError; SelftestRefused. See:
// README.md, "Selftest".
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tpm/anchor.h"

namespace stele::tpm {

// Nothing was changed; the message says what to do.
class SelftestRefused : public std::runtime_error {
  using runtime_error::runtime_error;
};

constexpr std::uint32_t kScratchCounter = 0x018053F0;
constexpr std::uint32_t kScratchExtend = 0x018053F1;

struct SelftestPlan {
  std::optional<AuthValue> owner_auth;        // needed where the owner hierarchy is locked
  std::optional<AuthValue> endorsement_auth;  // the same for the endorsement hierarchy
  unsigned samples = 5;                       // of each command
  // Before each step; what it throws ends the selftest, cleaned up.
  std::function<void(std::string_view step)> progress = [](std::string_view) {};
};

struct Check {
  std::string name;  // "redefined_counter_never_repeats"
  bool passed = false;
  std::string detail;  // what was seen
};
struct Latency {
  std::string command;
  double median_ms = 0, least_ms = 0, most_ms = 0;
  unsigned samples = 0;
};
struct SelftestReport {
  std::vector<Check> checks;
  std::vector<Latency> latencies;  // empty where endorsementAuth is set and not at hand
  std::uint32_t clock_update_ms = 0;
  bool passed() const;
};
SelftestReport selftest(Device&, const SelftestPlan&);

// What was left in the TPM over a power cycle.
struct BeforePowerCycle {
  std::uint64_t counter = 0;
  attest::Hash extend;
  Clock clock;
};
// Leaves both scratch indexes in the TPM; after_power_cycle() removes them.
BeforePowerCycle before_power_cycle(Device&, const SelftestPlan&);
SelftestReport after_power_cycle(Device&, const SelftestPlan&, const BeforePowerCycle&);

// Removes scratch indexes that an interrupted selftest left, told by their public areas; how many.
unsigned clean_scratch(Device&, const SelftestPlan&);

}  // namespace stele::tpm
