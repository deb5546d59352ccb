// Goal: whatever is put back, deleted, defined again or written by strangers, the daemon stops and
// a challenge fails exactly when C or E is not what the log leads to; no change of power does that.
// Method: families 35 to 38, 41 and 42, every case in turn, on a virtual machine: the daemon's own
// journal, rounds and recovery, the verifier as it is.

#include <gtest/gtest.h>

#include <iostream>

#include "tests/simulation/bed.h"
#include "tests/support/paper_log.h"

namespace stele::test {
namespace {

using attest::Conclusion;
using attest::Hash;
using attest::Report;
using Boot = Machine::Boot;
using Index = VirtualTpm::Index;

struct Tally {
  std::uint64_t injected = 0, false_alarms = 0, missed = 0;
};
void report(int family, const Tally& tally, std::uint64_t at_least) {
  std::cout << "family " << family << ": injected " << tally.injected << ", lost 0, false alarms "
            << tally.false_alarms << ", missed " << tally.missed << std::endl;
  EXPECT_GE(tally.injected, at_least);
  EXPECT_EQ(tally.false_alarms + tally.missed, 0u);
}

TEST(Rollback, AnOlderDiskStopsTheDaemonAndFailsEveryChallenge) {
  constexpr int kAnchors = 51;
  Tally disks, answers;
  Bed bed;
  std::vector<std::unique_ptr<MemoryFileSystem>> copies;
  std::vector<std::pair<Hash, attest::Bytes>> given;
  for (int n = 0; n < kAnchors; ++n) {
    bed.grow();
    ASSERT_EQ(bed.counter(), Ended::done);
    const Hash nonce = attest::hash(attest::view(std::to_string(n)));
    given.emplace_back(nonce, bed.answer(nonce));
    copies.push_back(bed.machine.copy_of_disk());
  }
  EXPECT_EQ(bed.appraise().conclusion, Conclusion::verified);
  const auto remembered = bed.memory;
  ASSERT_TRUE(remembered);
  for (int k = 1; k < kAnchors; ++k) {
    for (const bool newer_stay : {false, true}) {
      ++disks.injected;
      bed.machine.drop();
      bed.machine.replace_disk(*copies[static_cast<std::size_t>(kAnchors - 1 - k)]);
      if (newer_stay) {  // the newest segments of the log that was, beside the older ones
        for (const std::string& name : copies.back()->list(std::string(kLog) + "/segments")) {
          const std::string path = std::string(kLog) + "/segments/" + name;
          if (bed.machine.files->exists(path)) continue;
          const auto from = copies.back()->open(path, storage::FileSystem::Open::read_only);
          attest::Bytes bytes(from->size());
          from->read(0, bytes);
          const storage::ByteView view = bytes;
          bed.machine.files->open(path, storage::FileSystem::Open::create_new)
              ->write(0, {&view, 1});
        }
      }
      if (bed.challenge().conclusion != Conclusion::tampered) ++disks.missed;
      attest::Options options;
      options.memory = remembered;
      if (bed.appraise(options).conclusion != Conclusion::tampered) ++disks.missed;
      const Ended ended = bed.machine.start();
      const bool refused = ended == Ended::stopped || (newer_stay && ended == Ended::damaged);
      if (!refused) ++disks.missed;
      // Answers of then, for the nonce of now.
      attest::Bytes old = given[static_cast<std::size_t>(kAnchors - 1 - k)].second;
      if (newer_stay) {
        attest::Answer answer = attest::decode_answer(old).value();
        answer.nonce = attest::hash(attest::view("now"));
        old = encode(answer);
      }
      options = {};
      options.nonce = attest::hash(attest::view("now"));
      ++answers.injected;
      if (bed.appraise(options, old).conclusion == Conclusion::verified) ++answers.missed;
    }
  }
  report(35, disks, 100);
  report(36, answers, 100);
}

// Deleted, defined again, and extended with the first k of what E held: same handle, same Name.
TEST(Rollback, AnIndexThatWasDefinedAgainIsNoticed) {
  constexpr std::uint64_t kAnchors = 11;
  Tally tally;
  for (std::uint64_t k = 0; k <= kAnchors + 1; ++k) {
    for (const Index index : {Index::counter, Index::extend}) {
      Bed bed(attest::Mode::b);
      std::vector<Hash> digests{attest::genesis_digest(bed.machine.genesis)};
      for (std::uint64_t n = 0; n < kAnchors; ++n) {
        bed.grow();
        ASSERT_EQ(bed.counter(), Ended::done);
        digests.push_back(bed.machine.journal().chain().newest_digest());
      }
      bed.machine.drop();
      VirtualTpm& tpm = bed.machine.tpm;
      tpm.undefine(index);
      tpm.define(index, index == Index::counter ? bed.machine.credentials.counter_auth
                                                : bed.machine.credentials.extend_auth);
      for (std::uint64_t i = 0; i < k; ++i) {
        if (index == Index::counter) tpm.increment(bed.machine.credentials.counter_auth);
        if (index == Index::extend) tpm.extend(bed.machine.credentials.extend_auth, digests[i]);
      }
      ++tally.injected;
      // E extended with all that it held is E: nothing was changed, and nothing must alarm.
      const bool same = index == Index::extend && k == kAnchors + 1;
      const Conclusion conclusion = bed.challenge().conclusion;
      const Ended ended = bed.machine.start();
      if (same && (conclusion != Conclusion::verified || ended != Ended::done))
        ++tally.false_alarms;
      if (!same && (conclusion == Conclusion::verified || ended != Ended::stopped)) ++tally.missed;
    }
  }
  report(37, tally, 20);
}

TEST(Rollback, AClearedTpmAnchorsAndAnswersNothing) {
  Tally tally;
  for (int n = 1; n <= 10; ++n) {
    Bed bed(attest::Mode::b);
    for (int i = 0; i < n; ++i) {
      bed.grow();
      ASSERT_EQ(n % 2 == 0 && i > 0 ? bed.quote() : bed.counter(), Ended::done);
    }
    bed.machine.drop();
    bed.machine.tpm.clear();
    ++tally.injected;
    if (bed.challenge().conclusion == Conclusion::verified) ++tally.missed;
    if (bed.machine.start() != Ended::stopped) ++tally.missed;
    // What was anchored before stands: the owner may have cleared it for a good reason.
    if (bed.appraise().conclusion != Conclusion::verified) ++tally.false_alarms;
  }
  report(38, tally, 10);
}

// Counts, clock and safe bit in every combination that power makes, with and without a final
// anchor, with and without an anchor that a crash left open: none reads as tampering.
TEST(Rollback, NoChangeOfPowerReadsAsTampering) {
  Tally tally;
  for (const Boot how : {Boot::unclean, Boot::clean, Boot::restart, Boot::resume}) {
    for (const bool final_anchor : {false, true}) {
      for (const bool left_open : {false, true}) {
        Bed bed;
        bed.grow();
        ASSERT_EQ(bed.counter(), Ended::done);
        bed.machine.pass(1'000'000);
        bed.grow();
        if (final_anchor) {
          ASSERT_EQ(bed.counter(attest::kFinalOfShutdown), Ended::done);
        }
        if (left_open) {
          Trouble trouble;
          trouble.where = Trouble::Where::tpm;
          trouble.at = 12;  // C is incremented, E is not
          bed.machine.arm(trouble);
          bed.grow();
          ASSERT_EQ(bed.counter(), Ended::died);
          bed.machine.disarm();
        }
        bed.machine.drop();
        const std::uint64_t clock_ms = bed.machine.tpm.read_clock().clock_ms;
        bed.machine.boot(how);
        const tpm::Clock after = bed.machine.tpm.read_clock();
        EXPECT_EQ(after.safe, how != Boot::unclean);
        if (how == Boot::unclean) {
          EXPECT_LT(after.clock_ms, clock_ms);
        }
        ++tally.injected;
        if (bed.appraise().conclusion != Conclusion::verified) ++tally.false_alarms;
        if (bed.machine.start() != Ended::done || bed.counter() != Ended::done)
          ++tally.false_alarms;
        const Report judged = bed.challenge();
        if (judged.conclusion != Conclusion::verified) ++tally.false_alarms;
        // Only a final anchor ends a run cleanly; after a Resume nobody can tell that P was kept.
        const bool unclean_end = has(judged, attest::Finding::unclean_end);
        if (unclean_end != (!final_anchor || left_open)) ++tally.missed;
        // A Reset zeroes the restart count: nothing happened between it and this start.
        if (has(judged, attest::Finding::ran_without_log)) ++tally.false_alarms;
      }
    }
  }
  report(41, tally, 16);
}

// A reset, then restarts and resumes before the daemon runs; beside three resumes and a reset,
// which move the counts by (+1, -3) and are nothing to tell of.
TEST(Rollback, RestartsBetweenAResetAndTheDaemonAreTold) {
  Tally tally;
  for (const std::vector<Boot>& lives : std::initializer_list<std::vector<Boot>>{
           {Boot::clean},
           {Boot::resume, Boot::resume, Boot::resume, Boot::unclean},
           {Boot::restart, Boot::clean},
           {Boot::unclean, Boot::restart},
           {Boot::clean, Boot::resume, Boot::resume, Boot::resume},
           {Boot::restart, Boot::unclean, Boot::restart, Boot::resume}}) {
    Bed bed;
    bed.grow();
    ASSERT_EQ(bed.counter(), Ended::done);
    bed.machine.drop();
    for (const Boot how : lives) bed.machine.boot(how);
    ASSERT_EQ(bed.machine.start(), Ended::done);
    ASSERT_EQ(bed.counter(), Ended::done);
    const Report judged = bed.challenge();
    ++tally.injected;
    if (judged.conclusion != Conclusion::verified) ++tally.false_alarms;
    const bool restarted = lives.back() == Boot::restart || lives.back() == Boot::resume;
    if (has(judged, attest::Finding::ran_without_log) != restarted) ++tally.missed;
  }
  report(41, tally, 6);
}

// Every C × E × open intent: the table of anchoring, fully enumerated, on daemon and challenge.
TEST(Rollback, TheDaemonStopsAndAChallengeFailsExactlyWhenCOrEIsAnother) {
  enum class Open : std::uint8_t { nothing, counter, quote };
  Tally tally;
  for (const Open open : {Open::nothing, Open::counter, Open::quote}) {
    for (const std::int64_t ahead : {-3ll, -1ll, 0ll, 1ll, 2ll, 10ll, 1ll << 32}) {
      for (const int extend : {-1, 0, 1, 2}) {  // before, as it is, with the intent, another
        Bed bed;
        bed.grow();
        Hash before;
        for (int n = 0; n < 4; ++n) {
          before = bed.machine.tpm.extend_value();
          ASSERT_EQ(bed.counter(), Ended::done);
        }
        bed.grow();
        if (open != Open::nothing) {
          Trouble trouble;
          trouble.where = Trouble::Where::tpm;
          trouble.at = open == Open::counter ? 6 : 1;  // before P is extended, or soon after
          bed.machine.arm(trouble);
          ASSERT_EQ(open == Open::counter ? bed.counter() : bed.quote(), Ended::died);
          bed.machine.disarm();
        }
        bed.machine.drop();
        const attest::AnchorChain chain = bed.chain();
        ASSERT_EQ(chain.open_intent().has_value(), open != Open::nothing);
        const Hash other = attest::hash(attest::view("another"));
        const Hash with = open == Open::counter ? chain.open_intent()->extend_after : other;
        const Hash values[] = {before, chain.extend(), with, other};
        const Hash value = values[extend + 1];
        const std::uint64_t counter = chain.counter() + static_cast<std::uint64_t>(ahead);
        bed.machine.tpm.set(counter, value);
        const bool as_is = ahead == 0 && extend == 0;
        const bool left_behind =
            open == Open::counter && ahead == 1 && (extend == 0 || extend == 1);
        ++tally.injected;
        const Report judged = bed.challenge();
        if (!as_is && judged.conclusion != Conclusion::tampered) ++tally.missed;
        if (as_is && judged.conclusion == Conclusion::tampered) ++tally.false_alarms;
        const Ended ended = bed.machine.start();
        const bool fits = as_is || left_behind;
        if (fits && (ended != Ended::done || bed.counter() != Ended::done)) ++tally.false_alarms;
        if (!fits && ended != Ended::stopped) ++tally.missed;
      }
    }
  }
  report(42, tally, 30);
}

}  // namespace
}  // namespace stele::test
