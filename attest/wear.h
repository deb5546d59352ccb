// Wear: how many NV writes a TPM is assumed to stand, and how much of that a log has used.
//
// Each counter anchor writes C once and E once; c_n − c_0 counts them. What other programs wrote,
// and earlier logs of the same chip, is not counted. Thread safety: pure. See: README.md, "Wear",
// for the table and its sources.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "attest/trust.h"

namespace stele::attest {

// What is assumed of a chip whose maker states nothing.
constexpr std::uint64_t kUnknownCycles = 100'000;
constexpr std::uint64_t kUnknownHeartbeatMs = 3'600'000;
// Each is told once: in the daemon's log, in status, and as a finding.
constexpr unsigned kWearHighPercent = 50;
constexpr unsigned kWearNearEndPercent = 80;

struct Endurance {
  std::uint64_t cycles = kUnknownCycles;             // 0: nothing wears
  std::uint64_t heartbeat_ms = kUnknownHeartbeatMs;  // where the configuration names none
  std::string_view source;                           // who says so
};
Endurance endurance_of(TpmKind kind, std::string_view manufacturer, std::string_view model);

struct Wear {
  std::uint64_t writes = 0;
  std::uint64_t cycles = 0;
  double per_day = 0;
  std::optional<std::int64_t> end_ns;  // nothing beyond a hundred years
  unsigned used_percent() const;       // rounded down; 0 where nothing wears
};
// By the log's own past, or, in its first day, by the heartbeat planned.
Wear project_wear(std::uint64_t writes, std::uint64_t cycles, std::int64_t created_ns,
                  std::int64_t now_ns, std::uint64_t heartbeat_ms);

// The highest of the two percentages that so many writes have passed; 0: neither.
unsigned wear_passed(std::uint64_t writes, std::uint64_t cycles);

}  // namespace stele::attest
