// Goal: killed at any step of an anchor, a quote anchor or their recovery, with and without a power
// cut after it, the anchorer finishes what it began: no gap in C, no second increment, a journal
// that a stranger can replay, and anchoring goes on.
// Method: a forked child runs the anchorer with a failpoint that kills it (SIGKILL); then the
// parent runs it again and replays the journal from its first entry. Needs STELE_FAILPOINTS.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "attest/failpoint.h"
#include "tests/daemon/anchoring_host.h"

namespace stele::test {
namespace {

#ifdef STELE_FAILPOINTS

using daemon::AnchorStatus;
using State = AnchorStatus::State;

const char* deadly = nullptr;  // the failpoint that kills; set in the child only

void kill_at_deadly(const char* name) {
  if (std::strcmp(name, deadly) == 0) ::raise(SIGKILL);
}

// A child anchors until it dies at the failpoint; true if it did.
bool die_at(Host& host, const char* failpoint) {
  const pid_t child = ::fork();
  if (child == 0) {
    deadly = failpoint;
    attest::failpoint_hook = kill_at_deadly;
    // Everything that leads to the failpoint: a start, quote anchors, a counter anchor on demand.
    Running running(host);
    for (int i = 0; i < 50; ++i) {
      running.append();
      running.wait_until_anchored();
      running.anchor();
    }
    ::_exit(0);  // never reached the failpoint; the swtpm is the parent's
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  host.log.grow(100);  // at least what the child had
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

// After a death: anchoring goes on, and the journal leads to what the TPM holds.
JournalView expect_recovered(Host& host) {
  {
    Running running(host);
    EXPECT_TRUE(running.wait_for(State::anchoring));
    const daemon::AnchorOutcome outcome = running.anchor();
    EXPECT_TRUE(outcome.done) << outcome.reason;
    running.append();
    EXPECT_TRUE(running.wait_until_anchored());
  }
  JournalView view = expect_whole(host);
  EXPECT_TRUE(view.troubles().empty());
  std::uint64_t counter = view.chain.first_counter();
  for (const auto& statement : view.statements) {
    counter += statement.is_quote() ? 0 : 1;
    EXPECT_EQ(statement.counter, counter);
  }
  return view;
}

constexpr const char* kCounterSteps[] = {"anchor.A0", "anchor.A1", "anchor.A2",
                                         "anchor.A3", "anchor.A4", "anchor.A5",
                                         "anchor.A6", "anchor.A7", "anchor.A8"};
constexpr const char* kQuoteSteps[] = {"quote.Q1", "quote.Q2", "quote.Q3", "quote.Q4", "quote.Q5"};

TEST(AnchorerCrash, AKillAtAnyStepOfACounterAnchorIsRecoveredFrom) {
  Host host;
  for (const char* step : kCounterSteps) {
    SCOPED_TRACE(step);
    ASSERT_TRUE(die_at(host, step));
    expect_recovered(host);
  }
}

TEST(AnchorerCrash, AKillAtAnyStepOfAQuoteAnchorIsRecoveredFrom) {
  Host host;
  for (const char* step : kQuoteSteps) {
    SCOPED_TRACE(step);
    ASSERT_TRUE(die_at(host, step));
    expect_recovered(host);
  }
}

TEST(AnchorerCrash, WhatHappenedInNvDecidesWhatTheReceiptIs) {
  using attest::ReceiptKind;
  struct Case {
    const char* step;
    std::size_t read_backs;
  };
  // Killed before A3 the intent gets its full receipt after all; from A3 on only a read-back can be
  // had.
  for (const Case& one : {Case{"anchor.A1", 0}, Case{"anchor.A2", 0}, Case{"anchor.A3", 1},
                          Case{"anchor.A4", 1}, Case{"anchor.A7", 1}, Case{"anchor.A8", 0}}) {
    SCOPED_TRACE(one.step);
    Host host;
    ASSERT_TRUE(die_at(host, one.step));
    EXPECT_EQ(expect_recovered(host).count(ReceiptKind::read_back), one.read_backs);
  }
}

class AnchorerCrashAndPower : public testing::TestWithParam<Swtpm::Power> {};

TEST_P(AnchorerCrashAndPower, AKillAtAnyStepAndThenTheTpmsEndIsRecoveredFrom) {
  Host host;
  for (const auto& steps :
       {std::span<const char* const>(kCounterSteps), std::span<const char* const>(kQuoteSteps)}) {
    for (const char* step : steps) {
      SCOPED_TRACE(step);
      ASSERT_TRUE(die_at(host, step));
      host.swtpm.power_cycle(GetParam());
      expect_recovered(host);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Every, AnchorerCrashAndPower,
                         testing::Values(Swtpm::Power::unclean, Swtpm::Power::restart,
                                         Swtpm::Power::resume),
                         power_name);

TEST(AnchorerCrash, AKillInTheMiddleOfRecoveryIsRecoveredFrom) {
  struct Case {
    const char* first;
    bool power_cut;
    const char* second;
  };
  Host host;
  for (const Case& one :
       {Case{"anchor.A3", false, "recovery.bundle"}, Case{"anchor.A3", false, "recovery.extend"},
        Case{"anchor.A3", true, "recovery.extend"}, Case{"anchor.A4", false, "recovery.read_back"},
        Case{"anchor.A4", true, "recovery.read_back"}, Case{"anchor.A4", false, "anchor.A7"},
        Case{"anchor.A2", true, "recovery.bundle"}, Case{"anchor.A2", true, "recovery.void"},
        Case{"quote.Q2", true, "recovery.void"}, Case{"quote.Q2", false, "quote.Q3"},
        Case{"anchor.A1", false, "anchor.A3"}}) {
    SCOPED_TRACE(testing::Message() << one.first << " then " << one.second);
    ASSERT_TRUE(die_at(host, one.first));
    if (one.power_cut) host.swtpm.power_cycle();
    ASSERT_TRUE(die_at(host, one.second));
    expect_recovered(host);
  }
}

#else

TEST(AnchorerCrash, NeedsFailpoints) {
  GTEST_SKIP() << "built without STELE_FAILPOINTS";
}

#endif

}  // namespace
}  // namespace stele::test
