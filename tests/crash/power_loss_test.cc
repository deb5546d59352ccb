// Goal: losing power keeps every acknowledged record and entry, whatever the disk had written of
// what was not synced yet, at any moment, recovery included, and again and again.
// Method: the canonical session on a file system in memory that knows what is not durable; random
// schedules of several lives (family 4), every small combination of what waited at every operation
// (family 5), crashes inside the recovery from a crash (family 6).

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/crash/crash_session.h"

namespace stele::test {
namespace {

using Random = std::mt19937_64;
using Files = std::unique_ptr<MemoryFileSystem>;

Failure any_failure(Random& random) {
  return static_cast<Failure>(random() % 3);
}

// Each waiting operation kept, dropped, or torn at random sectors.
std::vector<Survival> any_survivals(const MemoryFileSystem& files, Random& random) {
  std::vector<Survival> survivals;
  for (std::size_t i = files.waiting().size(); i > 0; --i) {
    switch (random() % 4) {
      case 0:
        survivals.push_back({true, ~std::uint64_t{0}});
        break;
      case 1:
        survivals.push_back({false, 0});
        break;
      default:
        survivals.push_back({random() % 4 != 0, random()});
        break;
    }
  }
  return survivals;
}

// A life that dies at the given operation, if it gets there.
void die_at(CrashSession& session, MemoryFileSystem& files, std::uint64_t at, Failure failure,
            std::uint64_t groups) {
  files.inject({.at = at, .failure = failure});
  try {
    session.run(files, groups);
  } catch (const PowerCut&) {
  }
}

TEST(PowerLoss, RandomSchedulesOfSeveralLives) {
  Tally tally;
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    Random random(seed);
    CrashSession session;
    Files files = std::make_unique<MemoryFileSystem>();
    for (int life = 0; life < 3; ++life) {
      const Failure failure = any_failure(random);
      die_at(session, *files, random() % 90, failure, 4 + random() % 20);
      ++tally.injected;
      files = files->power_loss(any_survivals(*files, random));
    }
    session.restart_and_check(*files, tally, "seed " + std::to_string(seed));
  }
  report(4, tally);
}

// All ways in which at most two of the waiting operations are lost or torn, the others kept; and
// all lost.
std::vector<std::vector<Survival>> combinations(const std::vector<std::size_t>& waiting,
                                                Random& random) {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  std::vector<std::vector<Survival>> fates(waiting.size());
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    fates[i] = {{false, 0}};
    if (waiting[i] == 0) continue;
    fates[i].push_back({true, 0});
    // Every subset of up to nine sectors; of more: every front, back and single lost sector, and
    // some others.
    if (waiting[i] <= 9) {
      for (std::uint64_t mask = 1; mask + 1 < std::uint64_t{1} << waiting[i]; ++mask)
        fates[i].push_back({true, mask});
    } else {
      for (std::size_t k = 1; k < std::min<std::size_t>(waiting[i], 64); ++k) {
        const std::uint64_t front = (std::uint64_t{1} << k) - 1;
        for (const std::uint64_t mask : {front, ~front, ~(std::uint64_t{1} << k)})
          fates[i].push_back({true, mask});
      }
      for (int k = 0; k < 400; ++k) fates[i].push_back({true, random()});
    }
  }
  const std::vector<Survival> kept(waiting.size(), {true, kAll});
  std::vector<std::vector<Survival>> all{kept, {}};
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    for (const Survival& fate : fates[i]) {
      std::vector<Survival> one = kept;
      one[i] = fate;
      all.push_back(one);
      for (std::size_t j = i + 1; j < waiting.size(); ++j) {
        one[j] = {false, 0};
        all.push_back(one);
        one[j] = kept[j];
      }
    }
  }
  return all;
}

TEST(PowerLoss, EverySmallCombinationOfWhatWaited) {
  Tally tally;
  Random random(5);
  std::uint64_t operations = 1;
  for (std::uint64_t at = 0; at < operations; ++at) {
    CrashSession session;
    MemoryFileSystem files;
    die_at(session, files, at, Failure::happened, CrashSession::kGroups);
    operations = files.dead() ? at + 2 : at;
    // Only after a write, truncation or change of names can there be a state not seen before.
    const std::string& call = files.calls().back();
    if (call.starts_with("sync") || call.starts_with("read") || call.starts_with("size")) continue;
    for (const std::vector<Survival>& survivals : combinations(files.waiting(), random)) {
      const Files after = files.power_loss(survivals);
      CrashSession copy = session;
      copy.restart_and_check(*after, tally, "operation " + std::to_string(at) + " (" + call + ")");
      ++tally.injected;
    }
  }
  EXPECT_GE(tally.injected, 10'000u);
  report(5, tally);
}

TEST(PowerLoss, RecoveryItselfIsInterruptedEverywhere) {
  Tally tally;
  Random random(6);
  std::uint64_t at = 0;
  for (bool in_session = true; in_session; at += 5) {
    CrashSession session;
    MemoryFileSystem files;
    die_at(session, files, at, any_failure(random), CrashSession::kGroups);
    in_session = files.dead();
    const Files crashed = files.power_loss(any_survivals(files, random));
    bool in_recovery = true;
    for (std::uint64_t step = 0; in_recovery; step += 3) {
      CrashSession copy = session;
      Files again = crashed->power_loss({});  // nothing waits there: a copy
      die_at(copy, *again, step, any_failure(random), 0);
      in_recovery = again->dead();
      const Files after = again->power_loss(any_survivals(*again, random));
      copy.restart_and_check(
          *after, tally,
          "operation " + std::to_string(at) + ", recovery's " + std::to_string(step));
      ++tally.injected;
    }
  }
  EXPECT_GE(tally.injected, 500u);
  report(6, tally);
}

}  // namespace
}  // namespace stele::test
