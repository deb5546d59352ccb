// Goal: two logs in one TPM, with handles and a P of their own, neither see nor disturb each other,
// however their work interleaves: each is followed by a stranger of its own, C, E and P are exactly
// what each journal leads to, and C was incremented once for each anchor of its own log.
// Method: random schedules on one swtpm. In each, one log begins a piece of work, and before a
// command of it the other does one from beginning to end; sometimes the power goes then or after
// it. A failing schedule prints the seed that repeats it.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>

#include "tests/families/power_switch.h"
#include "tests/families/tenant.h"
#include "tests/support/scratch.h"
#include "tests/support/tally.h"
#include "tests/support/wire_faults.h"
#include "tpm/error.h"

namespace stele::test {
namespace {

using Work = Tenant::Work;
using Power = Swtpm::Power;

constexpr int kSchedulesOfAPair = 100;  // then two new logs on a new TPM
constexpr int kMostPieceCommands = 24;  // of a piece of work

struct Pair {
  Scratch scratch;
  Swtpm swtpm;
  PowerSwitch power{swtpm};
  std::array<std::unique_ptr<Tenant>, 2> logs;

  Pair() {
    logs[0] = std::make_unique<Tenant>(swtpm, scratch / "one", std::uint8_t{1}, std::uint8_t{12});
    logs[1] = std::make_unique<Tenant>(swtpm, scratch / "two", std::uint8_t{2}, std::uint8_t{13});
  }
  std::string wrong() {
    for (const auto& log : logs) {
      const std::string found = log->wrong();
      if (!found.empty()) return (log == logs[0] ? "one: " : "two: ") + found;
    }
    return {};
  }
};

struct Schedule {
  int first;  // whose work is interrupted
  std::array<Work, 2> works;
  int at;  // before which of its commands
  enum class Cut { none, within, after } cut;
  Power how;
};

Schedule draw(std::mt19937& chance) {
  const auto one_of = [&](int count) {
    return static_cast<int>(chance() % static_cast<unsigned>(count));
  };
  Schedule schedule{one_of(2),
                    {Work{one_of(Tenant::kWorks)}, Work{one_of(Tenant::kWorks)}},
                    one_of(kMostPieceCommands),
                    Schedule::Cut::none,
                    Power{one_of(4)}};
  if (one_of(20) == 0) schedule.cut = one_of(2) == 0 ? Schedule::Cut::within : Schedule::Cut::after;
  return schedule;
}

// Whether the other's work came between the commands of the first's (else it came after them).
bool carry_out(Pair& pair, const Schedule& schedule) {
  Tenant& interrupted = *pair.logs[static_cast<std::size_t>(schedule.first)];
  Tenant& other = *pair.logs[static_cast<std::size_t>(1 - schedule.first)];
  bool met = false;
  interrupted.tcti.before = [&, left = schedule.at](std::uint32_t) mutable {
    if (met || left-- > 0) return;
    met = true;
    other.work(schedule.works[1]);
    if (schedule.cut == Schedule::Cut::within) pair.power.cycle(schedule.how);
  };
  try {
    interrupted.work(schedule.works[0]);
  } catch (const daemon::Contended&) {
    if (schedule.cut == Schedule::Cut::none) throw;  // an answer over a reset is asked for again
  } catch (const tpm::TpmError&) {
    if (schedule.cut == Schedule::Cut::none) throw;  // its session is gone
  }
  interrupted.tcti.before = nullptr;
  if (!met) other.work(schedule.works[1]);
  if (schedule.cut == Schedule::Cut::after) pair.power.cycle(schedule.how);
  if (schedule.cut != Schedule::Cut::none) {
    for (const auto& log : pair.logs) {
      log->come_round();
      log->work(Work::counter);  // C and E of before, P of this run
    }
  }
  return met;
}

TEST(TwoLogs, InOneTpmNeverInfluenceEachOtherHoweverTheirWorkInterleaves) {
  const unsigned schedules = is_long_run() ? 10'000 : 500;
  Tally tally;
  unsigned interleaved = 0, cuts = 0;
  std::unique_ptr<Pair> pair;
  for (unsigned seed = 0; seed < schedules; ++seed) {
    SCOPED_TRACE("schedule " + std::to_string(seed));
    if (seed % kSchedulesOfAPair == 0) pair = std::make_unique<Pair>();
    std::mt19937 chance(seed);
    const Schedule schedule = draw(chance);
    ++tally.injected;
    std::string wrong;
    try {
      interleaved += carry_out(*pair, schedule) ? 1 : 0;
      cuts += schedule.cut == Schedule::Cut::none ? 0 : 1;
      wrong = pair->wrong();
    } catch (const daemon::AnchoringStopped& stopped) {
      ++tally.false_alarms;
      FAIL() << stopped.what();
    } catch (const std::exception& error) {
      wrong = error.what();
    }
    if (!wrong.empty()) {
      ++tally.lost;
      FAIL() << wrong;  // what follows would build on it
    }
  }
  EXPECT_GT(interleaved, schedules / 3);
  EXPECT_GT(cuts, 0u);
  tally.report(44, "two logs in one TPM: " + std::to_string(interleaved) +
                       " times one between the commands of the other, " + std::to_string(cuts) +
                       " power cuts and sleeps");
}

// So that the test above can fail: what one log would do to the other is seen.
TEST(TwoLogs, OneThatTouchesTheOthersObjectsIsSeen) {
  Tally tally;
  const std::uint8_t pcrs[] = {12, 13};
  for (const int victim : {0, 1}) {
    Pair pair;
    Tenant& log = *pair.logs[static_cast<std::size_t>(victim)];
    log.work(Work::counter);
    ASSERT_EQ(pair.wrong(), "");
    tpm::Device device(pair.swtpm.tcti());
    tpm::extend_pcr(device, pcrs[victim], attest::hash(attest::view("the other's digest")));
    ++tally.injected;
    const std::string seen = log.wrong();
    if (seen != "P is not the fold") ++tally.missed;
    EXPECT_EQ(seen, "P is not the fold");
    if (!pair.logs[static_cast<std::size_t>(1 - victim)]->wrong().empty()) ++tally.false_alarms;
  }
  tally.report(44, "one log's digest in the other's P");
}

}  // namespace
}  // namespace stele::test
