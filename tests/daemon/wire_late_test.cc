// Goal: a response that comes when nobody waits for it any more is never taken for another
// command's, and what was begun comes to its end.
// Method: every command of each kind of round × its first three calls, through a TCTI in front of a
// private swtpm that keeps one response back until the daemon has gone on.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <vector>

#include "tests/daemon/meddled.h"
#include "tests/daemon/stranger.h"
#include "tests/support/tally.h"

namespace stele::test {
namespace {

using What = Fault::What;

// A daemon that is to start on an intent whose response was lost at this command; none: on nothing.
struct LateRound {
  const char* name;
  void (*run)(Meddled&);
  bool starts = false;
  std::uint32_t lost = 0;
};
constexpr LateRound kLateRounds[] = {
    {"counter anchor", [](Meddled& daemon) { daemon.counter(); }},
    {"quote anchor", [](Meddled& daemon) { daemon.quote(); }},
    {"answer", [](Meddled& daemon) { daemon.answer(); }},
    {"start", [](Meddled& daemon) { daemon.reopen(); }, true},
    {"start after a lost increment", [](Meddled& daemon) { daemon.reopen(); }, true, kNvIncrement},
    {"start after a lost extend", [](Meddled& daemon) { daemon.reopen(); }, true, kNvExtend},
    {"start after a lost quote", [](Meddled& daemon) { daemon.reopen(); }, true, kQuoteCommand},
};

void begin(Meddled& daemon, const LateRound& round) {
  if (!daemon.rounds->is_open()) daemon.rounds->open();
  daemon.counter();
  if (round.lost != 0) {
    daemon.tcti.meddle({.code = round.lost}, {What::lose_response, 0, {}});
    EXPECT_TRUE(is_lost([&] {
      if (round.lost == kQuoteCommand) {
        daemon.quote();
      } else {
        daemon.counter();
      }
    }));
    daemon.tcti.leave_alone();
    daemon.rounds->close();
  }
  if (round.starts) daemon.start();
}

class WireLate : public testing::TestWithParam<LateRound> {};

void PrintTo(const LateRound& round, std::ostream* out) {
  *out << round.name;
}

TEST_P(WireLate, AResponseThatComesTooLateIsNeverTakenForAnother) {
  const LateRound& round = GetParam();
  Tally tally;
  Host host;
  Meddled daemon(host);
  Stranger stranger(host);
  daemon.rounds->open();
  begin(daemon, round);
  daemon.tcti.sent.clear();
  round.run(daemon);
  std::vector<Rule> rules;
  for (const auto& [code, calls] : daemon.tcti.sent) {
    for (int nth = 1; nth <= std::min(calls, 3); ++nth) rules.push_back({code, nth, 1});
  }
  for (const Rule& rule : rules) {
    SCOPED_TRACE(testing::Message()
                 << round.name << ", call " << rule.nth << " of 0x" << std::hex << rule.code);
    begin(daemon, round);
    // On a slow machine more may come late: also that is a lost device.
    daemon.limits.response = std::chrono::milliseconds(200);
    daemon.rounds->close();
    bool lost = is_lost([&] {
      if (!round.starts) daemon.rounds->open();
      daemon.tcti.meddle(rule, {What::late, 0, {}});
      round.run(daemon);
    });
    // FlushContext is not asked what came of it: the next command shows it.
    lost |= rule.code == kFlushContext;
    daemon.limits = {};
    ++tally.injected;
    if (!lost) ++tally.missed;
    EXPECT_TRUE(lost);
    daemon.rounds->close();
    const std::string wrong = going_on(daemon, stranger);  // the late one comes in the middle
    daemon.tcti.leave_alone();
    if (!wrong.empty()) ++tally.lost;
    EXPECT_EQ(wrong, "");
    if (!stranger.remarks.empty()) ++tally.false_alarms;
  }
  tally.report(52, std::string("a response later than we wait, at each command, ") + round.name);
}

std::string late_name(const testing::TestParamInfo<LateRound>& made) {
  std::string name = made.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, WireLate, testing::ValuesIn(kLateRounds), late_name);

}  // namespace
}  // namespace stele::test
