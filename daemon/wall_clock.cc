#include "daemon/wall_clock.h"

#include <time.h>

#include <cerrno>
#include <system_error>

namespace stele::daemon {
namespace {

// Between the two looks at CLOCK_BOOTTIME the thread may be put aside: try again, a few times.
constexpr std::int64_t kPreciseNs = 1'000'000;
constexpr int kTries = 5;

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) {
    throw std::system_error(errno, std::generic_category(), "clock_gettime");
  }
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

}  // namespace

ClockReading read_clocks() {
  ClockReading best;
  for (int tries = 0; tries < kTries; ++tries) {
    const std::int64_t before = read_clock(CLOCK_BOOTTIME);
    const std::int64_t wall = read_clock(CLOCK_REALTIME);
    const std::int64_t error = read_clock(CLOCK_BOOTTIME) - before;
    if (tries == 0 || error < best.error_ns) best = {wall, wall - before, error};
    if (error < kPreciseNs) break;
  }
  return best;
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t boot_clock_ns() {
  return read_clock(CLOCK_BOOTTIME);
}

std::optional<std::int64_t> ClockSteps::step(const ClockReading& reading) const {
  constexpr std::int64_t kThreshold = std::chrono::nanoseconds(kClockStep).count();
  const std::int64_t by = reading.offset_ns - offset_ns_;
  if (by <= kThreshold + reading.error_ns && by >= -kThreshold - reading.error_ns) return {};
  return by;
}

std::string clock_step_text(std::int64_t by_ns) {
  return "{\"note\":\"clock_step\",\"by_ns\":" + std::to_string(by_ns) + "}";
}

std::string clock_behind_text(std::int64_t by_ns) {
  return "{\"note\":\"clock_step\",\"by_ns\":" + std::to_string(by_ns) +
         ",\"since\":\"previous daemon\"}";
}

}  // namespace stele::daemon
