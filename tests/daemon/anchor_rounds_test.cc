// Goal: whatever happens on the way to the TPM during one round, C rises by exactly one per anchor,
// no receipt is stored that does not verify, and what was begun is finished later.
// Method: the rounds on the test's own thread, over a TCTI that loses, changes and disturbs
// commands on their way to a private swtpm. Afterwards the journal is replayed and compared with C
// and E.
#include "daemon/anchor_rounds.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "attest/failpoint.h"
#include "tests/daemon/anchoring_host.h"
#include "tests/daemon/meddled.h"
#include "tpm/error.h"

namespace stele::test {
namespace {

using attest::ReceiptKind;
using daemon::Contended;

// What another user of the TPM does to an exclusive session.
void get_random(const Swtpm& swtpm) {
  swtpm.transmit({0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 8});
}

TEST(AnchorRounds, AStrangerOnceInTheSessionCostsTheFullReceiptOnly) {
  Host host;
  {
    Meddled daemon(host);
    daemon.rounds->open();
    bool once = true;
    daemon.tcti.before = [&](std::uint32_t code) {
      if (code == kNvExtend && std::exchange(once, false)) get_random(host.swtpm);
    };
    daemon.counter();
    EXPECT_EQ(daemon.tcti.executed[kNvIncrement], 1);
    EXPECT_EQ(daemon.journal.newest_counter_anchor()->receipt.kind, ReceiptKind::read_back);
    daemon.counter();
    EXPECT_EQ(daemon.journal.newest_counter_anchor()->receipt.kind, ReceiptKind::full);
  }
  EXPECT_EQ(expect_whole(host).chain.seq(), 2u);
}

TEST(AnchorRounds, AStrangerWhoNeverLeavesIsContentionAndNoLoopOfWrites) {
  Host host;
  {
    Meddled daemon(host);
    daemon.rounds->open();
    daemon.counter();
    daemon.tcti.sent.clear();
    daemon.tcti.before = [&](std::uint32_t code) {
      if (code == kNvExtend || code == kNvRead) get_random(host.swtpm);
    };
    EXPECT_THROW(daemon.counter(), Contended);
    EXPECT_EQ(daemon.tcti.sent[kNvIncrement], 1);
    // One refused for want of exclusivity, one without asking for it.
    EXPECT_LE(daemon.tcti.sent[kNvExtend], 2);
    EXPECT_THROW(daemon.reopen(), Contended);
    EXPECT_EQ(daemon.tcti.sent[kNvIncrement], 1);
    EXPECT_LE(daemon.tcti.sent[kNvExtend], 2);
    daemon.tcti.leave_alone();
    daemon.reopen();
    EXPECT_EQ(daemon.journal.newest_counter_anchor()->receipt.kind, ReceiptKind::read_back);
  }
  EXPECT_EQ(expect_whole(host).chain.seq(), 2u);
}

// The signature ends where the answer of the password session begins: 5 bytes before the end.
void spoil_signature(MeddlingTcti::Bytes& response) {
  response[response.size() - 6] ^= 1;
}

// Every command of one round is lost on the way there, or its response on the way back.
void lose_each_command(Host& host, const std::function<void(Meddled&)>& round) {
  int losses = 0;
  for (const auto what : {Fault::What::lose_command, Fault::What::lose_response}) {
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE(testing::Message()
                   << "command " << nth
                   << (what == Fault::What::lose_command ? " lost" : " unheard"));
      Meddled daemon(host);
      daemon.rounds->open();
      daemon.counter();
      const std::uint64_t before = daemon.journal.chain().seq();
      daemon.tcti.meddle({.code = 0, .nth = nth, .times = 1}, {what, 0, {}});
      try {
        round(daemon);
      } catch (const tpm::TpmError& error) {
        EXPECT_EQ(error.kind(), tpm::TpmError::Kind::lost_device) << error.what();
      }
      if (daemon.tcti.meddled == 0) break;  // the round has fewer commands than that
      ++losses;
      daemon.tcti.leave_alone();
      daemon.reopen();
      EXPECT_FALSE(daemon.journal.chain().open_intent());
      EXPECT_LE(daemon.journal.chain().seq(), before + 1);
      EXPECT_EQ(daemon.journal.chain().needs_counter_anchor(), false);
    }
  }
  EXPECT_GT(losses, 10);
  EXPECT_TRUE(expect_whole(host).remarks.empty());
}

TEST(AnchorRounds, NoLostCommandOfACounterAnchorIsSentTwice) {
  Host host;
  lose_each_command(host, [](Meddled& daemon) { daemon.counter(); });
}

TEST(AnchorRounds, ALostCommandOfAQuoteAnchorIsMadeGoodLater) {
  Host host;
  lose_each_command(host, [](Meddled& daemon) { daemon.quote(); });
}

TEST(AnchorRounds, ASignatureThatDoesNotVerifyIsNeverStored) {
  struct Case {
    std::uint32_t code;
    ReceiptKind stored;
  };
  for (const Case& one : {Case{kSessionDigest, ReceiptKind::read_back},
                          Case{kQuoteCommand, ReceiptKind::read_back}}) {
    SCOPED_TRACE(one.code);
    Host host;
    {
      Meddled daemon(host);
      daemon.rounds->open();
      daemon.tcti.meddle({.code = one.code}, {Fault::What::change, 0, spoil_signature});
      bool failed = false;
      try {
        daemon.counter();
      } catch (const tpm::TpmError&) {
        failed = true;  // under an HMAC session ESYS notices first
        daemon.reopen();
      }
      EXPECT_EQ(daemon.tcti.meddled, 1) << failed;
      EXPECT_EQ(daemon.tcti.executed[kNvIncrement], 1);
      EXPECT_EQ(daemon.journal.newest_counter_anchor()->receipt.kind, one.stored);
    }
    EXPECT_EQ(expect_whole(host).chain.seq(), 1u);
  }
}

TEST(AnchorRounds, ATpmThatAlwaysLiesNeverYieldsAnAnchor) {
  Host host;
  Meddled daemon(host);
  daemon.rounds->open();
  daemon.counter();
  daemon.tcti.meddle({.code = kQuoteCommand, .times = Rule::kForEver},
                     {Fault::What::change, 0, spoil_signature});
  EXPECT_THROW(daemon.quote(), Contended);
  EXPECT_TRUE(daemon.journal.chain().open_intent());
  EXPECT_EQ(daemon.journal.chain().quote_seq(), 0u);
  daemon.tcti.leave_alone();
  daemon.reopen();
  EXPECT_EQ(daemon.journal.chain().quote_seq(), 1u);
}

// A clock that goes on by so much each time it is looked at: when a statement is dated, before and
// after its intent is written, and when its receipt is there.
TEST(AnchorRounds, AStatementThatWaitedForItsReceiptSaysSoBeforeAndBehindIt) {
  for (const int milliseconds : {0, 999, 1000, 4000}) {
    SCOPED_TRACE(milliseconds);
    const std::chrono::nanoseconds step = std::chrono::milliseconds(milliseconds);
    const bool late = 3 * step >= daemon::kLateReceipt;
    Host host;
    {
      Meddled daemon(host);
      std::chrono::nanoseconds now{0};
      daemon.clock = [&] { return (now += step).count(); };
      daemon.start();
      daemon.rounds->open();
      daemon.counter();
      EXPECT_TRUE(daemon.quote());
      daemon.counter();
    }
    const JournalView view = expect_whole(host);
    ASSERT_EQ(view.remarks.size(), late ? 6u : 0u);
    EXPECT_TRUE(view.troubles().empty());
    // Anchored so far when it was said: the pause is older than its receipt, the other one not.
    const std::vector<std::uint64_t> seqs{0, 1, 1, 1, 1, 2};
    for (std::size_t i = 0; i < view.remarks.size(); ++i) {
      const attest::Remark& remark = view.remarks[i];
      EXPECT_EQ(remark.code, i % 2 == 0 ? attest::RemarkCode::pause : attest::RemarkCode::resumed);
      EXPECT_EQ(remark.seq, seqs[i]);
      if (i % 2 != 0) {
        EXPECT_EQ(remark.text, daemon::kLateReceiptIsThere);
        continue;
      }
      const std::string seconds = std::to_string(step.count() / 1'000'000'000);
      EXPECT_EQ(remark.text, std::string(daemon::kLateReceiptWords) +
                                 std::to_string(3 * step.count() / 1'000'000'000) +
                                 " s for its receipt, " + seconds + " s of them for the disk");
    }
  }
}

// What is finished after a pause or by another daemon is explained by that.
TEST(AnchorRounds, AReceiptOfAStatementFromBeforeOpeningIsNotRemarkedAgain) {
  Host host;
  {
    Meddled daemon(host);
    std::chrono::nanoseconds now{0};
    daemon.clock = [&] { return (now += std::chrono::seconds(4)).count(); };
    daemon.start();
    daemon.rounds->open();
    daemon.tcti.meddle({.code = kNvExtend}, {Fault::What::lose_command, 0, {}});
    EXPECT_THROW(daemon.counter(), tpm::TpmError);
    daemon.tcti.leave_alone();
    daemon.reopen();
    EXPECT_FALSE(daemon.journal.chain().open_intent());
  }
  EXPECT_TRUE(expect_whole(host).remarks.empty());
}

#ifdef STELE_FAILPOINTS

// Once, at a failpoint: on the test's own thread, with which a swtpm lives and dies.
struct PowerCut {
  Swtpm* swtpm = nullptr;
  Swtpm::Power how = Swtpm::Power::unclean;
  std::string at;
} power_cut;

void cut_power(const char* name) {
  if (power_cut.swtpm == nullptr || power_cut.at != name) return;
  std::exchange(power_cut.swtpm, nullptr)->power_cycle(power_cut.how);
}

TEST(AnchorRounds, AResetBetweenIntentAndAnchorVoidsTheIntent) {
  attest::failpoint_hook = cut_power;
  using Power = Swtpm::Power;
  for (const Power power : {Power::unclean, Power::restart, Power::resume}) {
    for (const char* step : {"anchor.A1", "anchor.A2"}) {
      SCOPED_TRACE(testing::Message() << step << ", power " << int(power));
      Host host;
      {
        Meddled daemon(host);
        daemon.rounds->open();
        daemon.counter();
        power_cut = {&host.swtpm, power, step};
        try {
          daemon.counter();
        } catch (const tpm::TpmError& error) {
          EXPECT_NE(error.kind(), tpm::TpmError::Kind::lost_device) << error.what();
          daemon.reopen();
          daemon.counter();
        }
        EXPECT_EQ(power_cut.swtpm, nullptr);
      }
      const JournalView view = expect_whole(host);
      EXPECT_LE(view.chain.seq(), 3u);
      EXPECT_GE(view.chain.seq(), 2u);
      EXPECT_TRUE(view.remarks.empty());
    }
  }
  attest::failpoint_hook = nullptr;
}

#endif

TEST(AnchorRounds, AnAnswerIsMadeInSpiteOfAStrangerOnce) {
  Host host;
  Meddled daemon(host);
  daemon.rounds->open();
  daemon.counter();
  bool once = true;
  daemon.tcti.before = [&](std::uint32_t code) {
    if (code == kSessionDigest && std::exchange(once, false)) get_random(host.swtpm);
  };
  attest::Hash nonce;
  nonce.bytes.fill(9);
  const attest::Answer answer = daemon.rounds->answer(nonce, [&] { return host.log.head(); });
  EXPECT_FALSE(once);
  EXPECT_EQ(answer.nonce, nonce);
  EXPECT_EQ(answer.digest, daemon.journal.chain().newest_digest());
}

}  // namespace
}  // namespace stele::test
