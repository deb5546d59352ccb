// Goal: whatever is answered, lost or spoiled at any command of a round of anchoring, no anchor
// comes out that a stranger does not verify, C is incremented once for each intent, an accident is
// never taken for an attack, and anchoring goes on when the fault is gone.
// Method: every command of each kind of round × its first three calls × every fault, through a TCTI
// in front of a private swtpm, a test for each call. After each case a stranger replays the
// journal's new entries, and C and E in the TPM must be what they lead to; that anchoring goes on
// is shown by the round that follows, and after every few cases by a counter anchor of its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <tuple>
#include <vector>

#include "tests/daemon/meddled.h"
#include "tests/daemon/stranger.h"
#include "tests/support/tally.h"
#include "tests/support/wire_faults.h"

namespace stele::test {
namespace {

using daemon::AnchoringStopped;
using daemon::Contended;
using Kind = tpm::TpmError::Kind;
using What = Fault::What;

constexpr int kCalls = 3;
constexpr std::uint64_t kCasesToACounterAnchor = 4;

// One daemon over one TPM for all cases of a test: cases follow each other as accidents do.
struct Bed {
  Host host;
  Meddled daemon{host};
  Stranger stranger{host};
  Tally& tally;

  explicit Bed(Tally& tally_) : tally(tally_) {
    daemon.rounds->open();
    daemon.counter();
  }
};

// What is done under the fault, after what has been done without.
struct Round {
  const char* name;
  std::function<void(Bed&)> before;
  std::function<void(Bed&)> under;
  int calls = kCalls;  // of no command does it send more, or these are the first of more
};

void PrintTo(const Round& round, std::ostream* out) {
  *out << round.name;
}

void lose(Bed& bed, std::uint32_t code, const std::function<void()>& work) {
  bed.daemon.tcti.meddle({.code = code}, {What::lose_response, 0, {}});
  EXPECT_THROW(work(), tpm::TpmError);
  bed.daemon.tcti.leave_alone();
  bed.daemon.rounds->close();
}

// A daemon that starts on an open counter intent whose response was lost at this command.
Round start_after_loss_at(const char* name, std::uint32_t code) {
  return {name,
          [code](Bed& bed) {
            lose(bed, code, [&] { bed.daemon.counter(); });
            bed.daemon.start();
          },
          [](Bed& bed) { bed.daemon.rounds->open(); }};
}

const Round kRounds[] = {
    {"CounterAnchor", [](Bed&) {}, [](Bed& bed) { bed.daemon.counter(); }},
    {"QuoteAnchor", [](Bed&) {}, [](Bed& bed) { bed.daemon.quote(); }, 2},
    {"Answer", [](Bed&) {}, [](Bed& bed) { bed.daemon.answer(); }},
    {"Start",
     [](Bed& bed) {
       bed.daemon.rounds->close();
       bed.daemon.start();
     },
     [](Bed& bed) { bed.daemon.rounds->open(); }},
    start_after_loss_at("StartAfterALostIncrement", kNvIncrement),
    start_after_loss_at("StartAfterALostExtend", kNvExtend),
    {"RecoveryOfAQuote", [](Bed& bed) { lose(bed, kQuoteCommand, [&] { bed.daemon.quote(); }); },
     [](Bed& bed) { bed.daemon.rounds->open(); }},
};

// How a round ended. `kind` holds if it was a TpmError.
struct Ending {
  enum class How { done, tpm_error, contended, stopped, odd } how = How::done;
  Kind kind{};
  std::string words;
};

Ending run(const std::function<void()>& work) {
  using How = Ending::How;
  try {
    work();
    return {};
  } catch (const tpm::TpmError& error) {
    return {How::tpm_error, error.kind(), error.what()};
  } catch (const Contended& contended) {
    return {How::contended, {}, contended.what()};
  } catch (const AnchoringStopped& stopped) {
    return {How::stopped, {}, stopped.what()};
  } catch (const std::exception& other) {
    return {How::odd, {}, other.what()};
  }
}

// A change can make any code of a response's ten bytes; a code must be called what it is.
bool is_named(const Ending& ending, const NamedFault& fault) {
  using How = Ending::How;
  if (ending.how == How::odd) return false;
  if (ending.how != How::tpm_error) return ending.how == How::done || !ending.words.empty();
  const bool says_what = ending.words.find("(0x") != std::string::npos;
  if (fault.fault.what == What::change || fault.fault.what == What::stale) return says_what;
  return says_what && ending.kind == fault.kind && fault.kind != Kind::busy &&
         ending.words.find("unexpected") == std::string::npos;
}

// The fault is gone: what was begun comes to its end, and the next anchor, if one is wanted, to its
// own. Says what is wrong; "" if nothing.
std::string going_on(Bed& bed, bool with_anchor) {
  const Ending ending = run([&] {
    if (!bed.daemon.rounds->is_open()) bed.daemon.rounds->open();
    // A new bundle wants one before the next quote, as the daemon's loop knows.
    if (with_anchor || bed.daemon.journal.chain().needs_counter_anchor()) bed.daemon.counter();
  });
  if (ending.how != Ending::How::done) return "anchoring does not go on: " + ending.words;
  const std::string refused = bed.stranger.catch_up();
  if (!refused.empty()) return "a stranger refuses " + refused;
  const attest::AnchorChain& chain = bed.stranger.chain();
  if (chain.open_intent()) return "an intent was left open";
  tpm::Device device(bed.daemon.tcti.get());
  const tpm::IndexState indexes = tpm::read_indexes(device, bed.host.credentials());
  if (indexes.counter != chain.counter()) return "C is not what the journal leads to";
  if (indexes.extend != chain.extend()) return "E is not what the journal leads to";
  return {};
}

void one_case(Bed& bed, const Round& round, const Rule& rule, const NamedFault& fault) {
  SCOPED_TRACE(testing::Message() << fault.name << " at call " << rule.nth << " of 0x" << std::hex
                                  << rule.code);
  const std::uint64_t counter = bed.daemon.journal.chain().counter();
  const std::size_t remarks = bed.stranger.remarks.size();
  bed.daemon.tcti.executed.clear();
  round.before(bed);
  bed.daemon.tcti.meddle(rule, fault.fault);
  const Ending ending = run([&] { round.under(bed); });
  EXPECT_EQ(bed.daemon.tcti.meddled, 1) << "the fault did not happen";
  ++bed.tally.injected;
  bed.daemon.tcti.leave_alone();
  if (ending.how != Ending::How::done) bed.daemon.rounds->close();

  if (!is_named(ending, fault)) {
    ++bed.tally.missed;
    ADD_FAILURE() << "not called what it is: " << ending.words;
  }
  const std::string wrong = going_on(bed, bed.tally.injected % kCasesToACounterAnchor == 0);
  const auto increments = static_cast<std::uint64_t>(bed.daemon.tcti.executed[kNvIncrement]);
  if (!wrong.empty() || increments != bed.daemon.journal.chain().counter() - counter) {
    ++bed.tally.lost;
    ADD_FAILURE() << wrong << "; increments: " << increments;
  }
  if (ending.how == Ending::How::stopped || bed.stranger.remarks.size() != remarks) {
    ++bed.tally.false_alarms;
    ADD_FAILURE() << "taken for an attack: " << ending.words;
  }
}

// What the round sends when nothing is wrong: how often each command.
std::map<std::uint32_t, int> commands_of(Bed& bed, const Round& round) {
  round.before(bed);
  bed.daemon.tcti.sent.clear();
  round.under(bed);
  const auto sent = bed.daemon.tcti.sent;
  EXPECT_EQ(going_on(bed, true), "");
  return sent;
}

// At this call of every command that the round sends so often.
void every_case(const Round& round, int nth, int family, const std::vector<NamedFault>& faults) {
  Tally tally;
  Bed bed(tally);
  std::size_t commands = 0;
  for (const auto& [code, calls] : commands_of(bed, round)) {
    EXPECT_LE(std::min(calls, kCalls), round.calls);
    if (calls < nth) continue;
    ++commands;
    for (const NamedFault& fault : faults) {
      one_case(bed, round, {.code = code, .nth = nth}, fault);
      ASSERT_LT(tally.lost, 3u) << "given up";
    }
  }
  EXPECT_EQ(going_on(bed, true), "");
  EXPECT_EQ(tally.injected, commands * faults.size());
  tally.report(family, std::string(round.name) + ", " + std::to_string(commands) +
                           " commands at call " + std::to_string(nth) + " x " +
                           std::to_string(faults.size()) + " faults");
}

class WireFaults : public testing::TestWithParam<std::tuple<Round, int>> {};

TEST_P(WireFaults, ACodeAtAnyCommandIsNamedAndGotOver) {
  const auto& [round, nth] = GetParam();
  every_case(round, nth, 45, code_faults());
}

TEST_P(WireFaults, ALostOrSpoiledResponseOfAnyCommandIsGotOver) {
  const auto& [round, nth] = GetParam();
  every_case(round, nth, 51, response_faults());
}

std::vector<std::tuple<Round, int>> rounds_and_calls() {
  std::vector<std::tuple<Round, int>> all;
  for (const Round& round : kRounds) {
    for (int nth = 1; nth <= round.calls; ++nth) all.emplace_back(round, nth);
  }
  return all;
}

std::string round_and_call(const testing::TestParamInfo<std::tuple<Round, int>>& made) {
  const auto& [round, nth] = made.param;
  return std::string(round.name) + "AtCall" + std::to_string(nth);
}

INSTANTIATE_TEST_SUITE_P(Every, WireFaults, testing::ValuesIn(rounds_and_calls()), round_and_call);

}  // namespace
}  // namespace stele::test
