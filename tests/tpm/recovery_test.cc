// Goal: the recovery tables, whole: for every state a crash, a put-back TPM or a stranger can
// leave, decide() does what the table says and nothing else.
// Method: every combination of C, E, intent, P and run is enumerated; the few that are not `stop`
// are written out below as the rows of README.md, "Recovery"; whatever has no row must stop and say
// why.
#include "tpm/recovery.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <ostream>

namespace stele::tpm {
namespace {

using attest::Hash;
using Presence = IndexState::Presence;

// c is the counter of the newest receipt, n the next anchor's number.
enum class C { put_back, c, c_plus_1, c_plus_2, missing, unwritten, foreign };
enum class E { before, after, other, missing, unwritten, foreign };  // E_{n-1}, E_n
enum class Intent { none, counter, quote };
enum class P { fold, fold_with_d, other };

constexpr std::array kCounters{C::put_back, C::c,         C::c_plus_1, C::c_plus_2,
                               C::missing,  C::unwritten, C::foreign};
constexpr std::array kExtends{E::before, E::after, E::other, E::missing, E::unwritten, E::foreign};
constexpr std::array kIntents{Intent::none, Intent::counter, Intent::quote};
constexpr std::array kPcrs{P::fold, P::fold_with_d, P::other};

struct Expected {
  Action action;
  bool extend_pcr_first = false;
};

// One row of the table: what to do in the same run, by P, and in another run, whatever P is.
struct Row {
  Intent intent;
  C counter;
  E extend;
  Expected fold, fold_with_d, other;
  Expected other_run;
};

constexpr std::array kRows{
    Row{Intent::none,
        C::c,
        E::before,
        {Action::nothing},
        {Action::foreign_extend},
        {Action::foreign_extend},
        {Action::nothing}},
    Row{Intent::counter,
        C::c,
        E::before,
        {Action::anchor_again, true},
        {Action::anchor_again},
        {Action::foreign_extend},
        {Action::void_and_anew}},
    Row{Intent::counter,
        C::c_plus_1,
        E::before,
        {Action::extend_and_read_back, true},
        {Action::extend_and_read_back},
        {Action::foreign_extend},
        {Action::extend_and_read_back}},
    Row{Intent::counter,
        C::c_plus_1,
        E::after,
        {Action::read_back, true},
        {Action::read_back},
        {Action::foreign_extend},
        {Action::read_back}},
    Row{Intent::quote,
        C::c,
        E::before,
        {Action::quote_again, true},
        {Action::quote_again},
        {Action::foreign_extend},
        {Action::void_quote}},
};

Expected expected(Intent intent, C counter, E extend, P pcr, bool same_run) {
  for (const Row& row : kRows) {
    if (row.intent != intent || row.counter != counter || row.extend != extend) continue;
    if (!same_run) return row.other_run;
    if (pcr == P::fold) return row.fold;
    return pcr == P::fold_with_d ? row.fold_with_d : row.other;
  }
  return {Action::stop};
}

constexpr std::uint64_t kCounter = 1000;

Hash filled(std::uint8_t byte) {
  Hash hash;
  hash.bytes.fill(byte);
  return hash;
}

const Hash kFold = filled(1), kFoldWithD = filled(2), kExtendBefore = filled(3),
           kExtendAfter = filled(4);

Recorded recorded(Intent kind) {
  Recorded state{kCounter, kExtendBefore, kFold, std::nullopt};
  if (kind == Intent::none) return state;
  attest::OpenIntent intent;
  const bool quote = kind == Intent::quote;
  intent.statement.flags = quote ? attest::kQuote : std::uint16_t{0};
  intent.statement.counter = quote ? kCounter : kCounter + 1;
  intent.statement.prev_extend = kExtendBefore;
  intent.fold_without = kFold;
  intent.fold_with = kFoldWithD;
  intent.extend_after = kExtendAfter;
  state.intent = intent;
  return state;
}

IndexState indexes(C counter, E extend) {
  IndexState state;
  state.counter_presence = Presence::written;
  state.extend_presence = Presence::written;
  switch (counter) {
    case C::put_back:
      state.counter = kCounter - 1;
      break;
    case C::c:
      state.counter = kCounter;
      break;
    case C::c_plus_1:
      state.counter = kCounter + 1;
      break;
    case C::c_plus_2:
      state.counter = kCounter + 2;
      break;
    case C::missing:
      state.counter_presence = Presence::missing;
      break;
    case C::unwritten:
      state.counter_presence = Presence::unwritten;
      break;
    case C::foreign:
      state.counter_presence = Presence::foreign;
      break;
  }
  switch (extend) {
    case E::before:
      state.extend = kExtendBefore;
      break;
    case E::after:
      state.extend = kExtendAfter;
      break;
    case E::other:
      state.extend = filled(9);
      break;
    case E::missing:
      state.extend_presence = Presence::missing;
      break;
    case E::unwritten:
      state.extend_presence = Presence::unwritten;
      break;
    case E::foreign:
      state.extend_presence = Presence::foreign;
      break;
  }
  return state;
}

Hash pcr_value(P pcr) {
  if (pcr == P::fold) return kFold;
  return pcr == P::fold_with_d ? kFoldWithD : filled(8);
}

// Calls visit(intent, C, E, P, same_run) for every combination.
template <class Visit>
std::size_t every_combination(Visit visit) {
  std::size_t count = 0;
  for (Intent intent : kIntents) {
    for (C counter : kCounters) {
      for (E extend : kExtends) {
        for (P pcr : kPcrs) {
          for (bool same_run : {false, true}) {
            visit(intent, counter, extend, pcr, same_run);
            ++count;
          }
        }
      }
    }
  }
  return count;
}

TEST(Recovery, EveryStateHasExactlyTheActionOfItsRow) {
  std::size_t stops = 0;
  const std::size_t states =
      every_combination([&](Intent intent, C counter, E extend, P pcr, bool same_run) {
        SCOPED_TRACE(testing::Message()
                     << "intent " << int(intent) << ", C " << int(counter) << ", E " << int(extend)
                     << ", P " << int(pcr) << ", same run " << same_run);
        const Decision decision =
            decide(recorded(intent), indexes(counter, extend), pcr_value(pcr), same_run);
        const Expected want = expected(intent, counter, extend, pcr, same_run);
        EXPECT_EQ(int(decision.action), int(want.action)) << decision.reason;
        EXPECT_EQ(decision.extend_pcr_first, want.extend_pcr_first);
        stops += decision.action == Action::stop ? 1 : 0;
      });
  EXPECT_EQ(states, 756u);
  EXPECT_EQ(stops, states - kRows.size() * 6);
}

TEST(Recovery, WhatStopsOrIsForeignSaysWhyInWords) {
  every_combination([&](Intent intent, C counter, E extend, P pcr, bool same_run) {
    const Decision decision =
        decide(recorded(intent), indexes(counter, extend), pcr_value(pcr), same_run);
    const bool must_speak =
        decision.action == Action::stop || decision.action == Action::foreign_extend;
    EXPECT_EQ(!decision.reason.empty(), must_speak) << decision.reason;
  });
}

TEST(Recovery, ACounterBehindMeansTheTpmAndOneAheadTheDirectoryWasPutBack) {
  const auto reason = [](C counter) {
    return decide(recorded(Intent::none), indexes(counter, E::before), kFold, true).reason;
  };
  EXPECT_NE(reason(C::put_back).find("the TPM was put back"), std::string::npos);
  EXPECT_NE(reason(C::put_back).find("999"), std::string::npos);
  EXPECT_NE(reason(C::c_plus_2).find("the data directory was put back"), std::string::npos);
  EXPECT_NE(reason(C::c_plus_2).find("1002"), std::string::npos);
}

TEST(Recovery, AQuoteIntentIsVoidedOnceAStrangerGaveThePcrANewBase) {
  Recorded state = recorded(Intent::quote);
  state.intent->fold_without = state.intent->fold_with = state.fold = filled(7);
  const Decision decision = decide(state, indexes(C::c, E::before), filled(7), true);
  EXPECT_EQ(int(decision.action), int(Action::void_quote));
}

TEST(Recovery, AnOpenCounterIntentDoesNotExcuseAnExtendWithoutItsIncrement) {
  const Decision decision = decide(recorded(Intent::counter), indexes(C::c, E::after), kFold, true);
  EXPECT_EQ(int(decision.action), int(Action::stop));
}

}  // namespace
}  // namespace stele::tpm
