// Goal: whatever happens to a log, in any order, nothing acknowledged is lost, no accident reads as
// tampering, and no tampering reads as an accident.
// Method: one seed makes one history of a store, its anchors and its verifier on a virtual disk,
// TPM and clock (family 76); after each step the bytes and the verdict are compared with a model. A
// history that went wrong prints its seed; STELE_SEED=N runs that one alone and tells its steps.
// STELE_LONG=1 runs a hundred times as many.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/simulation/history.h"

namespace stele::test {
namespace {

#ifdef STELE_FEW_SEEDS
constexpr std::uint64_t kSeedsOfShard = 10;  // under sanitizers
#else
constexpr std::uint64_t kSeedsOfShard = 625;
#endif
constexpr std::uint64_t kShards = 32;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What is counted is printed, and the last three must be zero.
void report(const Counts& counts) {
  std::cout << "family 76: injected " << counts.histories << ", lost " << counts.lost
            << ", false alarms " << counts.false_alarms << ", missed " << counts.missed << " ("
            << counts.steps << " steps, " << counts.verdicts << " verdicts, " << counts.answers
            << " live answers; " << counts.crashes << " crashes, " << counts.power_cuts
            << " power cuts, " << counts.failures << " failing devices, " << counts.power_changes
            << " power changes, " << counts.attacks << " attacks; verified " << counts.verified
            << ", tampered " << counts.tampered << ", stopped " << counts.stops
            << ", events refused and recorded " << counts.refused << ", forgeries "
            << counts.forgeries << " of which the chain believed " << counts.believed
            << ", older logs remembered " << counts.remembered << ")" << std::endl;
  // A history ends at its first violation; whatever else was done in it, it is counted for each.
  const std::string wrong = ", lost " + std::to_string(counts.lost) + ", false alarms " +
                            std::to_string(counts.false_alarms) + ", missed " +
                            std::to_string(counts.missed);
  std::cout << "family 35: injected " << counts.old_data << wrong
            << " (older disks, in histories)\n"
            << "family 36: injected " << counts.stale_answers << wrong << " (old answers)\n"
            << "family 37: injected " << counts.redefined << wrong << " (C or E defined again)\n"
            << "family 38: injected " << counts.cleared << wrong << " (TPM cleared)\n"
            << "family 42: injected " << counts.ahead << wrong << " (C or E ahead or behind)"
            << std::endl;
  EXPECT_EQ(counts.lost + counts.false_alarms + counts.missed, 0u) << counts.first;
}

class Simulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulation, NoHistoryLosesAlarmsOrMisses) {
  Counts counts;
  const std::uint64_t factor = from_environment("STELE_LONG", 0) != 0 ? 100 : 1;
  const std::uint64_t count = kSeedsOfShard * factor, first = GetParam() * count;
  for (std::uint64_t seed = first; seed < first + count && counts.first.empty(); ++seed)
    History(seed, counts).run();
  report(counts);
}
INSTANTIATE_TEST_SUITE_P(Shard, Simulation, testing::Range<std::uint64_t>(0, kShards));

// Histories that showed a bug. A seed names the same history only while the simulator draws the
// same steps: the tests named beside each stay whatever becomes of the seed.
struct Regression {
  std::uint64_t seed;
  const char* name;
};
class SimulationRegression : public testing::TestWithParam<Regression> {};

TEST_P(SimulationRegression, StaysMended) {
  Counts counts;
  History history(GetParam().seed, counts);
  history.run();
  EXPECT_FALSE(history.violation()) << history.violation()->what << "\n" << history.story();
}
INSTANTIATE_TEST_SUITE_P(
    Seed, SimulationRegression,
    testing::Values(
        // TimeRules.WhatAClearedPcrAloneCoveredIsUnanchoredSinceItsFirstRecord
        Regression{6251, "UnanchoredSinceIsStatedAfterAPowerCut"},
        // InterruptedAnchor.AnAnswerThatIsGivenPassesWhateverHappenedAtAnyCommand
        Regression{6329, "NoAnswerIsGivenAcrossAResume"}),
    [](const testing::TestParamInfo<Regression>& regression) { return regression.param.name; });

// STELE_SEED=N: that history, step by step.
TEST(SimulationReplay, OneSeedTellsItsSteps) {
  const char* const seed = std::getenv("STELE_SEED");
  if (seed == nullptr) GTEST_SKIP() << "set STELE_SEED to a seed";
  Counts counts;
  History history(std::strtoull(seed, nullptr, 10), counts);
  history.run();
  std::cout << history.story();
  EXPECT_FALSE(history.violation()) << history.violation()->what;
}

TEST(SimulationReplay, TheSameSeedIsTheSameHistoryToTheByte) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Counts counts;
    attest::Hash first;
    {
      History history(seed, counts);
      history.run();
      first = history.fingerprint();
    }
    History again(seed, counts);
    again.run();
    EXPECT_EQ(again.fingerprint(), first) << again.story();
  }
}

}  // namespace
}  // namespace stele::test
