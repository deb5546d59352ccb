// Goal: a step of the wall clock is told from time that goes by, and never made up. Method:
// readings on paper for steps, and the machine's own clocks for the absence of one.
#include "daemon/wall_clock.h"

#include <gtest/gtest.h>

namespace stele::daemon {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kYear = std::int64_t{365} * 86'400 * 1'000 * kMs;

TEST(WallClock, TimeThatGoesByIsNoStep) {
  ClockSteps steps(read_clocks());
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(steps.step(read_clocks())) << i;
}

// Both clocks count suspend (MONOTONIC would not: then each resume would look like a step).
TEST(WallClock, ANightInSuspendIsNoStep) {
  const ClockReading evening{50 * kYear, 50 * kYear - 3'600'000 * kMs, 0};
  const std::int64_t boottime_then = evening.wall_ns - evening.offset_ns;
  const std::int64_t wall = evening.wall_ns + 8 * 3'600'000 * kMs;
  const std::int64_t boottime = boottime_then + 8 * 3'600'000 * kMs;
  EXPECT_FALSE(ClockSteps(evening).step({wall, wall - boottime, 0}));
  const std::int64_t monotonic = boottime_then;
  EXPECT_TRUE(ClockSteps(evening).step({wall, wall - monotonic, 0}));
}

TEST(WallClock, AStepBeyondTheThresholdIsToldOnceTaken) {
  const ClockReading first{50 * kYear, 5 * kMs, 0};
  for (const std::int64_t by : {-10 * kYear, -1'000 * kMs, -101 * kMs, 101 * kMs, 10 * kYear}) {
    ClockSteps steps(first);
    const ClockReading after{first.wall_ns + by, first.offset_ns + by, 0};
    EXPECT_EQ(steps.step(after), by);
    steps.take(after);
    EXPECT_FALSE(steps.step(after));
    EXPECT_EQ(steps.step(first), -by) << "a reading from before it steps back";
  }
}

// A thread that was put aside between the two clocks reads an offset that is off by as much.
TEST(WallClock, WhatTheReadingMayBeWrongByIsNoStep) {
  const ClockSteps steps(ClockReading{});
  EXPECT_FALSE(steps.step({0, 100 * kMs, 0}));
  EXPECT_FALSE(steps.step({0, 5'000 * kMs, 4'950 * kMs}));
  EXPECT_FALSE(steps.step({0, -5'000 * kMs, 4'950 * kMs}));
  EXPECT_EQ(steps.step({0, 5'000 * kMs, 1'000 * kMs}), 5'000 * kMs);
}

TEST(WallClock, TheNotesBeginAsTheVerifierLooksForThem) {
  EXPECT_EQ(clock_step_text(-5), "{\"note\":\"clock_step\",\"by_ns\":-5}");
  EXPECT_EQ(clock_behind_text(-5),
            "{\"note\":\"clock_step\",\"by_ns\":-5,\"since\":\"previous daemon\"}");
}

}  // namespace
}  // namespace stele::daemon
