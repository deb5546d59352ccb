// Goal: a TPM that loses its power, restarts or resumes at any command of a round, before it or
// with its response lost, without that the connection tells, is no attack: what was begun ends, C
// is incremented once an anchor, no remark accuses anybody, a stranger verifies every receipt.
// Method: every command of each kind of round × four ways to lose power × before and after, on a
// real swtpm whose connection is made anew for each command, as a driver survives what the TPM does
// not (hibernation wakes a daemon between any two commands). And a TPM whose state is put back as
// it was some commands ago: that must be stopped at, by its name.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "tests/daemon/meddled.h"
#include "tests/daemon/stranger.h"
#include "tests/families/power_switch.h"
#include "tests/support/tally.h"
#include "tests/support/wire_faults.h"

namespace stele::test {
namespace {

using daemon::AnchoringStopped;
using Power = Swtpm::Power;
using What = Fault::What;

struct Round {
  const char* name;
  void (*run)(Meddled&);
};
constexpr Round kRounds[] = {
    {"counter anchor", [](Meddled& daemon) { daemon.counter(); }},
    {"quote anchor", [](Meddled& daemon) { daemon.quote(); }},
    {"answer", [](Meddled& daemon) { daemon.answer(); }},
    {"start", [](Meddled& daemon) { daemon.reopen(); }},
};
constexpr Power kPowers[] = {Power::unclean, Power::clean, Power::restart, Power::resume};
constexpr int kMostCommands = 60;  // of a round that nothing disturbs

void begin(Meddled& daemon, const Round& round) {
  if (!daemon.rounds->is_open()) daemon.rounds->open();
  daemon.counter();
  if (std::string(round.name) == "start") daemon.start();
}

struct Ground {
  Host host;
  PowerSwitch power{host.swtpm};
  Meddled daemon{host};
  Stranger stranger{host};
};

// The power goes at the nth command. False: the round sends fewer.
bool strike(Ground& ground, const Round& round, int nth, Power how, bool after, Tally& tally) {
  Meddled& daemon = ground.daemon;
  begin(daemon, round);
  daemon.tcti.executed.clear();
  const std::uint64_t counter = daemon.journal.chain().counter();
  bool struck = false;
  if (after) daemon.tcti.meddle({.code = 0, .nth = nth}, {What::lose_response, 0, {}});
  daemon.tcti.before = [&, left = after ? nth + 1 : nth](std::uint32_t) mutable {
    if (struck || --left > 0) return;
    struck = true;
    ground.power.cycle(how);
  };
  std::string stopped;
  try {
    round.run(daemon);
    if (after && daemon.tcti.meddled > 0 && !struck) ground.power.cycle(how);
  } catch (const AnchoringStopped& stop) {
    stopped = stop.what();
  } catch (const std::exception&) {
    // Lost, reset, contended: what follows decides.
    if (after && !struck) ground.power.cycle(how);
  }
  struck |= daemon.tcti.meddled > 0;
  daemon.tcti.leave_alone();
  if (!struck) return false;
  ++tally.injected;
  std::string wrong;
  try {
    daemon.reopen();
    daemon.counter();
    wrong = ground.stranger.catch_up();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  const auto increments = static_cast<std::uint64_t>(daemon.tcti.executed[kNvIncrement]);
  // A lost response is not counted among the executed ones.
  const std::uint64_t made = daemon.journal.chain().counter() - counter;
  if (!wrong.empty() || increments > made || made > increments + (after ? 1 : 0)) ++tally.lost;
  EXPECT_EQ(wrong, "");
  if (!stopped.empty() || !ground.stranger.remarks.empty()) ++tally.false_alarms;
  EXPECT_EQ(stopped, "");
  EXPECT_TRUE(ground.stranger.remarks.empty()) << ground.stranger.remarks.back().text;
  return true;
}

class MidCommand : public testing::TestWithParam<Power> {};

TEST_P(MidCommand, ThePowerGoesAtAnyCommandAndNobodyIsAccused) {
  Tally tally;
  for (const Round& round : kRounds) {
    for (const bool after : {false, true}) {
      if (after && !is_long_run() && GetParam() != Power::unclean) continue;
      Ground ground;
      bool in_round = true;
      // A clean reset differs from an unclean one in the clock's safe bit alone: a sample.
      const int step = GetParam() == Power::clean && !is_long_run() ? 4 : 1;
      for (int nth = 1; in_round && nth < kMostCommands; nth += step) {
        SCOPED_TRACE(testing::Message()
                     << round.name << ", " << (after ? "after" : "before") << " command " << nth);
        in_round = strike(ground, round, nth, GetParam(), after, tally);
        ASSERT_EQ(tally.lost + tally.false_alarms, 0u) << "what follows would build on it";
      }
      EXPECT_FALSE(in_round) << "a round sends more commands than are tried";
    }
  }
  tally.report(8, "the TPM's power at any command: " + power_name({GetParam(), 0}));
}

INSTANTIATE_TEST_SUITE_P(Every, MidCommand, testing::ValuesIn(kPowers), power_name);

// swtpm does not sync its state: a power cut may bring back one of some commands ago.
TEST(MidCommandState, PutBackByAnyNumberOfCommandsIsStoppedAtByItsName) {
  Tally tally;
  Host host;
  const std::filesystem::path copies = host.scratch / "copies";
  for (int ago = 1; ago <= 8; ++ago) {  // NV writes before the cut: each anchor has two
    SCOPED_TRACE(ago);
    std::filesystem::remove_all(copies);
    std::map<int, std::filesystem::path> states;
    {
      Meddled daemon(host);
      daemon.rounds->open();
      daemon.counter();
      int writes = 0;
      daemon.tcti.before = [&](std::uint32_t code) {
        if (code != kNvIncrement && code != kNvExtend) return;
        states[writes] = copies / std::to_string(writes);
        std::filesystem::create_directories(copies);
        std::filesystem::copy(host.swtpm.state(), states[writes]);
        ++writes;
      };
      for (int anchor = 0; anchor < 4; ++anchor) daemon.counter();
      daemon.tcti.leave_alone();
      ASSERT_EQ(writes, 8);
    }
    Swtpm put_back(states[8 - ago]);
    ++tally.injected;
    Meddled daemon(host);
    daemon.tcti.connect_to(put_back);
    std::string words;
    try {
      daemon.rounds->open();
      words = "it anchors";
    } catch (const AnchoringStopped& stopped) {
      words = stopped.what();
    }
    const bool is_named = words.find("put back") != std::string::npos;
    if (!is_named) ++tally.missed;
    EXPECT_TRUE(is_named) << words;
    Stranger stranger(host);
    if (!stranger.catch_up().empty()) ++tally.lost;
  }
  tally.report(8, "the state of 1 to 8 NV writes ago");
}

}  // namespace
}  // namespace stele::test
