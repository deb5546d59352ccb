// Goal: at whichever command of an anchor or answer the TPM is lost, reset, put to sleep, used by a
// stranger or the daemon killed: what was begun is finished, C rises by one for each anchor, and an
// answer that is given is one that its reader accepts.
// Method: every command in turn, before and after it, on a virtual machine; what follows is judged
// by the verifier. (The same with a real TPM, at the failpoints: tests/daemon.)

#include <gtest/gtest.h>

#include <iostream>

#include "tests/simulation/bed.h"

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

}  // namespace
}  // namespace stele::test
