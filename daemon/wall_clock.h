// The wall clock beside CLOCK_BOOTTIME: what tells a step of the one from time that went by.
//
// Slewing (NTP) changes the rate of both alike, and both count suspend: their difference changes
// only when somebody sets the wall clock (date, NTP's first correction, a leap second).
// Thread safety: read_clocks() from any thread; a ClockSteps belongs to one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace stele::daemon {

struct ClockReading {
  std::int64_t wall_ns = 0;
  std::int64_t offset_ns = 0;  // wall clock less CLOCK_BOOTTIME
  std::int64_t error_ns = 0;   // by how much the offset may be wrong: the two are not read at once
};
ClockReading read_clocks();

std::int64_t now_ns();  // the wall clock alone: what people read, never an order or a deadline
// CLOCK_BOOTTIME: what has gone by, suspended or not. Nobody sets it.
std::int64_t boot_clock_ns();

// Smaller steps are none. NTP daemons slew below it and step above (ntpd from 128 ms, timesyncd
// from 400 ms, chrony from 1 s on, as Debian configures them), a leap second is 1 s; and the
// verifier's slack, 5 s by default, is far above it.
constexpr std::chrono::milliseconds kClockStep{100};

class ClockSteps {
 public:
  explicit ClockSteps(const ClockReading& first) : offset_ns_(first.offset_ns) {}
  // By how much the wall clock has stepped since the newest reading taken, as far as it is certain.
  std::optional<std::int64_t> step(const ClockReading& reading) const;
  void take(const ClockReading& reading) { offset_ns_ = reading.offset_ns; }
  std::int64_t offset_ns() const { return offset_ns_; }

 private:
  std::int64_t offset_ns_;
};

// The note records that explain a step to the verifier (attest/README.md, "Rules of the
// appraiser"): in the daemon's life, or found at its start: behind the newest record or statement.
std::string clock_step_text(std::int64_t by_ns);
std::string clock_behind_text(std::int64_t by_ns);

}  // namespace stele::daemon
