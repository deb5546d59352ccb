// Goal: at whichever command of an anchor or answer the TPM is lost, reset, put to sleep, used by a
// stranger or the daemon killed: what was begun is finished, C rises by one for each anchor, and an
// answer that is given is one that its reader accepts.
// Method: every command in turn, before and after it, on a virtual machine; what follows is judged
// by the verifier. (The same with a real TPM, at the failpoints: tests/daemon.)

#include <gtest/gtest.h>

#include <iostream>
#include <map>

#include "tests/simulation/bed.h"
#include "tests/support/tally.h"
#include "tests/support/wire_faults.h"

namespace stele::test {
namespace {

using attest::Conclusion;
using attest::Hash;
using What = Trouble::What;

constexpr std::uint64_t kCommands = 48;  // more than any round sends

Trouble at_command(std::uint64_t at, What what, bool after) {
  Trouble trouble;
  trouble.where = Trouble::Where::tpm;
  trouble.what = what;
  trouble.at = at;
  trouble.failure = after ? Failure::happened : Failure::failed;
  return trouble;
}

// Calls `round` with a bed and a trouble that will strike in it, for every command and trouble.
template <class Round>
std::uint64_t for_every_command(Round round) {
  std::uint64_t struck = 0;
  for (const What what : {What::death, What::io_error, What::full, What::stranger, What::reset,
                          What::resume, What::extend}) {
    for (const bool after : {false, true}) {
      bool in_round = true;
      for (std::uint64_t at = 0; in_round && at < kCommands; ++at) {
        Bed bed;
        bed.grow();
        EXPECT_EQ(bed.counter(), Ended::done);
        bed.grow();
        bed.machine.arm(at_command(at, what, after));
        SCOPED_TRACE("trouble " + std::to_string(static_cast<int>(what)) + " at command " +
                     std::to_string(at) + (after ? ", after it" : ""));
        in_round = round(bed, what);
        struck += in_round ? 1 : 0;
      }
      EXPECT_FALSE(in_round) << "a round sends more commands than are tried";
    }
  }
  return struck;
}

void recover(Bed& bed) {
  if (!bed.machine.running()) {
    EXPECT_EQ(bed.machine.start(), Ended::done) << bed.machine.why();
  } else if (!bed.machine.anchoring()) {
    EXPECT_EQ(bed.machine.reopen(), Ended::done) << bed.machine.why();
  }
}

void expect_good(Bed& bed, bool foreign) {
  EXPECT_EQ(bed.counter(), Ended::done) << bed.machine.why();
  const attest::AnchorChain& chain = bed.machine.journal().chain();
  EXPECT_EQ(bed.machine.tpm.counter(), chain.counter());
  const attest::Report report = bed.challenge();
  EXPECT_EQ(report.conclusion, foreign ? Conclusion::undetermined : Conclusion::verified)
      << to_text(report);
}

TEST(InterruptedAnchor, ACounterAnchorIsFinishedOnceWhateverHappensAtAnyCommand) {
  const std::uint64_t struck = for_every_command([](Bed& bed, What what) {
    const std::uint64_t seq = bed.machine.journal().chain().seq();
    const std::uint64_t counter = bed.machine.tpm.counter();
    (void)bed.counter();
    const bool hit = bed.machine.disarm();
    recover(bed);
    const std::uint64_t made = bed.machine.journal().chain().seq() - seq;
    EXPECT_LE(made, 1u);
    EXPECT_EQ(bed.machine.tpm.counter() - counter, made);
    expect_good(bed, hit && what == What::extend);
    return hit;
  });
  std::cout << "counter anchor: " << struck << " interruptions" << std::endl;
  EXPECT_GT(struck, 150u);
}

TEST(InterruptedAnchor, AQuoteAnchorIsFinishedOrVoidedWhateverHappensAtAnyCommand) {
  const std::uint64_t struck = for_every_command([](Bed& bed, What what) {
    (void)bed.quote();
    const bool hit = bed.machine.disarm();
    recover(bed);
    expect_good(bed, hit && what == What::extend);
    return hit;
  });
  std::cout << "quote anchor: " << struck << " interruptions" << std::endl;
  EXPECT_GT(struck, 80u);
}

// Found by a simulated history: a Resume between anchor and answer keeps P, so that an answer was
// given that its reader could only call unknown.
TEST(InterruptedAnchor, AnAnswerThatIsGivenPassesWhateverHappenedAtAnyCommand) {
  const std::uint64_t struck = for_every_command([](Bed& bed, What what) {
    const Hash nonce = attest::hash(attest::view("nonce"));
    attest::Bytes answer;
    const Ended ended = bed.machine.attempt(
        [&] { answer = encode(bed.machine.rounds().answer(nonce, bed.head())); });
    const bool hit = bed.machine.disarm();
    if (ended == Ended::done) {
      attest::Options options;
      options.nonce = nonce;
      EXPECT_EQ(bed.appraise(options, answer).freshness, attest::Outcome::pass);
    }
    recover(bed);
    expect_good(bed, hit && what == What::extend);
    return hit;
  });
  std::cout << "answer: " << struck << " interruptions" << std::endl;
  EXPECT_GT(struck, 150u);
}

// Family 7: the three windows in which nobody but the TPM knows what happened.
enum class Window { none, intent_and_send, send_and_answer, answer_and_record };

// Where the daemon died, by what it left: a look at the disk and into the chip.
Window window_of(Bed& bed, const attest::AnchorChain& before, bool after) {
  const attest::AnchorChain now = bed.chain();
  if (now.seq() != before.seq() || !now.open_intent()) return Window::none;
  if (bed.machine.tpm.counter() == before.counter()) return Window::intent_and_send;
  const bool heard = !after || bed.machine.tpm.extend_value() != before.extend();
  return heard ? Window::answer_and_record : Window::send_and_answer;
}

// Dies at this command or disk operation, the TPM lives on, sleeps or loses its power; then all
// must go on and be verified.
Window die_and_go_on(const Trouble& trouble, int how, std::uint64_t anchors, Tally& tally) {
  Bed bed;
  for (; anchors > 0; --anchors) {
    bed.grow();
    EXPECT_EQ(bed.counter(), Ended::done);
    if (anchors % 2 == 0) {
      EXPECT_EQ(bed.quote(), Ended::done);
    }
  }
  bed.grow();
  EXPECT_EQ(bed.counter(), Ended::done);
  bed.grow();
  const attest::AnchorChain before = bed.chain();
  bed.machine.arm(trouble);
  const Ended ended = bed.counter();
  if (!bed.machine.disarm() || ended != Ended::died) return Window::none;
  const bool after = trouble.failure != Failure::failed;
  const Window window = window_of(bed, before, after);
  if (window == Window::none) return window;
  ++tally.injected;
  constexpr Machine::Boot kBoots[] = {Machine::Boot::unclean, Machine::Boot::clean,
                                      Machine::Boot::restart, Machine::Boot::resume};
  if (how > 0) bed.machine.boot(kBoots[how - 1]);
  if (bed.appraise().conclusion == Conclusion::tampered) ++tally.false_alarms;
  const std::uint64_t spent = bed.machine.tpm.counter();
  const bool began = bed.machine.start() == Ended::done && bed.counter() == Ended::done;
  const attest::AnchorChain now = bed.chain();
  const bool whole = bed.machine.tpm.counter() == now.counter() && !now.open_intent() &&
                     bed.machine.tpm.counter() - spent <= 2;
  if (!began || !whole) ++tally.lost;
  EXPECT_TRUE(began && whole) << bed.machine.why();
  const attest::Report report = bed.challenge();
  if (report.conclusion != Conclusion::verified) ++tally.false_alarms;
  EXPECT_EQ(report.conclusion, Conclusion::verified) << to_text(report);
  return window;
}

TEST(InterruptedAnchor, ADeathAroundTheIncrementIsNeverTampering) {
  const std::uint64_t each = is_long_run() ? 2000 : 200;
  std::map<Window, Tally> tallies;
  std::map<std::pair<std::uint64_t, bool>, Window>
      known;  // the window of each command, before or after
  const auto is_needed = [&](Window window) {
    return window != Window::none && tallies[window].injected < each;
  };
  for (std::uint64_t round = 0; round < each; ++round) {
    for (std::uint64_t at = 0; at < kCommands; ++at) {
      for (const bool after : {false, true}) {
        const auto found = known.find({at, after});
        if (found != known.end() && !is_needed(found->second)) continue;
        const int how = static_cast<int>(round % 5);
        const std::uint64_t anchors = round / 5 % 5;
        SCOPED_TRACE(testing::Message() << "command " << at << (after ? ", after it" : "")
                                        << ", power " << how << ", anchors " << anchors);
        Tally one;
        const Window window = die_and_go_on(at_command(at, What::death, after), how, anchors, one);
        known[{at, after}] = window;
        Tally& sum = tallies[window];
        sum.injected += one.injected;
        sum.lost += one.lost;
        sum.false_alarms += one.false_alarms;
      }
    }
  }
  for (const auto& [window, what] :
       {std::pair{Window::intent_and_send, "death between intent and NV_Increment sent"},
        std::pair{Window::send_and_answer, "death between NV_Increment sent and answer"},
        std::pair{Window::answer_and_record, "death between answer and record"}}) {
    EXPECT_GE(tallies[window].injected, each);
    tallies[window].report(7, what);
  }
}

}  // namespace
}  // namespace stele::test
