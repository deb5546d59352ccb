// Goal: what cannot be asked of the TPM now is known at once, by the right code and cause, and
// costs no token; what can be is let in as often as the limits say. Method: every state × every
// request; times are made up.
#include "daemon/tpm_turns.h"

#include <gtest/gtest.h>
#include <sysexits.h>

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;
using For = TpmTurns::For;
using State = AnchorStatus::State;

constexpr For kAll[] = {For::answer, For::testimony, For::enrolment};

TokenBucket::Time after_start(std::chrono::milliseconds time) {
  return TokenBucket::Time{} + 1h + time;
}

AnchorStatus in(State state, const std::string& reason = "why") {
  AnchorStatus status;
  status.state = state;
  status.reason = reason;
  return status;
}

TEST(TpmTurns, WhoCannotBeServedIsToldWhyAndDrawsNothing) {
  for (const State state :
       {State::starting, State::unavailable, State::contended, State::stopped}) {
    TpmTurns turns;
    for (const For what : kAll) {
      const bool let_in = state == State::stopped && what == For::testimony;
      const auto refused = turns.admit(what, in(state), after_start(0s));
      ASSERT_EQ(refused.has_value(), !let_in) << name(state);
      if (let_in) continue;
      EXPECT_EQ(refused->reason, "why");
      EXPECT_EQ(refused->exit_code, EX_UNAVAILABLE);
      EXPECT_EQ(refused->cause, state == State::stopped ? RefusalCause::anchoring_stopped
                                                        : RefusalCause::tpm_unavailable);
    }
    int let_in = 0;
    while (!turns.admit(For::answer, in(State::anchoring), after_start(0s))) ++let_in;
    EXPECT_EQ(let_in, state == State::stopped ? 9 : 10) << name(state);
  }
  TpmTurns turns;
  EXPECT_EQ(turns.admit(For::answer, in(State::starting, ""), after_start(0s))->reason,
            "the TPM is not yet open");
}

TEST(TpmTurns, AnswersAndEnrolmentsHaveBucketsOfTheirOwn) {
  TpmTurns turns;
  const AnchorStatus well = in(State::anchoring, "");
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(turns.admit(i % 2 == 0 ? For::answer : For::testimony, well, after_start(0s)));
  }
  const auto refused = turns.admit(For::answer, well, after_start(0s));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->exit_code, EX_TEMPFAIL);
  EXPECT_EQ(refused->cause, RefusalCause::too_often);
  EXPECT_EQ(refused->reason, "too many answers asked for; try again in 1 s");
  EXPECT_FALSE(turns.admit(For::answer, well, after_start(100ms)));
  EXPECT_TRUE(turns.admit(For::testimony, well, after_start(100ms)));
  for (int i = 0; i < 12; ++i) EXPECT_FALSE(turns.admit(For::enrolment, well, after_start(100ms)));
  EXPECT_EQ(turns.admit(For::enrolment, well, after_start(100ms))->reason,
            "too many enrolments asked for; try again in 5 s");
}

}  // namespace
}  // namespace stele::daemon
