// Goal: the anchorer anchors at start, on schedule, on demand and at the end; answers; and tells an
// absent TPM from one that was put back.
// Method: the real anchorer over a private swtpm and a data directory provisioned on it. Every
// journal is replayed from its first entry afterwards and compared with C and E. Waiting is for
// conditions.
#include "daemon/anchorer.h"

#include <gtest/gtest.h>
#include <sysexits.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/daemon/anchoring_host.h"
#include "tests/support/own_threads.h"

namespace stele::test {
namespace {

using attest::ReceiptKind;
using attest::RemarkCode;
using daemon::AnchorStatus;
using State = AnchorStatus::State;
using namespace std::chrono_literals;

std::function<bool(const AnchorStatus&)> counter_anchors(std::uint64_t seq) {
  return [seq](const AnchorStatus& status) { return status.counter_anchors >= seq; };
}

void anchor_once(Host& host) {
  Running running(host);
  ASSERT_TRUE(running.wait_for(State::anchoring));
  EXPECT_TRUE(running.anchor().done);
}

// So that the gap between anchors is explained.
bool tells_of_one_pause(const JournalView& view) {
  const auto remarks = view.troubles();
  return remarks.size() == 2 && remarks[0].code == RemarkCode::pause && !remarks[0].text.empty() &&
         remarks[1].code == RemarkCode::resumed;
}

TEST(Anchorer, AnchorsAtStartAndQuotesWhileThereIsSomethingNew) {
  Host host;
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(1)));
    EXPECT_TRUE(running.is_ready());
    for (int i = 0; i < 5; ++i) {
      running.append();
      ASSERT_TRUE(running.wait_until_anchored());
    }
    const AnchorStatus status = running.anchorer().status();
    EXPECT_EQ(status.state, State::anchoring);
    EXPECT_EQ(status.counter_anchored, 5u);
    EXPECT_EQ(status.anchored, 10u);
    EXPECT_EQ(status.quote_seq, 5u);
    EXPECT_EQ(status.mode, "b");
    EXPECT_EQ(status.counter, status.first_counter + 1);
  }
  const JournalView view = expect_whole(host);
  EXPECT_EQ(view.count(ReceiptKind::full), 1u);
  EXPECT_EQ(view.count(ReceiptKind::quote), 5u);
}

TEST(Anchorer, GivesTheNewestCounterAnchorAndSaysWhatIsSealed) {
  Host host;
  Running running(host);
  ASSERT_TRUE(running.wait_for(counter_anchors(1)));
  running.append(3);
  const daemon::AnchorOutcome outcome = running.anchor();
  ASSERT_TRUE(outcome.done) << outcome.reason;
  EXPECT_EQ(outcome.seq, 2u);
  EXPECT_EQ(outcome.tree_size, 8u);
  const auto newest = running.anchorer().newest_counter_anchor();
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->statement.tree, host.log.head());
  EXPECT_EQ(newest->receipt.kind, ReceiptKind::full);
  // Both were posted in this order.
  EXPECT_EQ(running.sealed(), 8u);
}

TEST(Anchorer, AnswersANonceSoThatAStrangerCanCheckIt) {
  Host host;
  attest::Hash nonce;
  nonce.bytes.fill(0x77);
  attest::Bytes bytes;
  {
    Running running(host);
    running.append(2);
    ASSERT_TRUE(running.wait_for(counter_anchors(1)));
    const daemon::AnswerOutcome outcome = running.answer(nonce);
    ASSERT_TRUE(outcome.answer) << outcome.reason;
    bytes = *outcome.answer;
  }
  const JournalView view = expect_whole(host);
  const auto answer = attest::decode_answer(bytes);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->nonce, nonce);
  EXPECT_EQ(answer->log_id, view.chain.log_id());
  EXPECT_EQ(answer->tree_size, 7u);
  EXPECT_EQ(answer->digest, view.chain.newest_digest());
  EXPECT_TRUE(view.chain.newest_statement()->is_quote());
  const attest::Hash extra_data = answer_extra_data(*answer);
  const attest::TpmIdentity& identity = host.credentials().identity;
  EXPECT_TRUE(verify_audit(answer->audit, identity,
                           read_session_digest(identity, view.chain.counter(), view.chain.extend()),
                           extra_data));
  EXPECT_TRUE(verify_quote(answer->quote, identity, extra_data));
  EXPECT_EQ(answer->quote.pcrs.back(), view.chain.fold());
}

TEST(Anchorer, AnEmptyTokenBucketRefusesAndSaysWhenToComeBack) {
  Host host;
  host.config.anchor_burst = 2;
  host.config.anchor_refill = 24h;
  Running running(host);
  ASSERT_TRUE(running.wait_for(counter_anchors(1)));
  EXPECT_TRUE(running.anchor().done);
  const daemon::AnchorOutcome refused = running.anchor();
  EXPECT_FALSE(refused.done);
  EXPECT_EQ(refused.exit_code, EX_TEMPFAIL);
  EXPECT_NE(refused.reason.find("try again in"), std::string::npos) << refused.reason;
  EXPECT_EQ(running.anchorer().status().counter_anchors, 2u);
  // Quote anchors wear nothing and go on.
  running.append();
  EXPECT_TRUE(running.wait_until_anchored());
}

TEST(Anchorer, ACriticalEventIsCounterAnchoredWithoutBeingAsked) {
  Host host;
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(1)));
    running.append(2);
    running.anchorer().critical_event(host.log.head().size);
    ASSERT_TRUE(running.wait_for(counter_anchors(2)));
    EXPECT_EQ(running.anchorer().status().counter_anchored, 7u);
    // What is anchored already asks for nothing; the request after it shows that it was looked at.
    running.anchorer().critical_event(7);
    EXPECT_EQ(running.anchor().seq, 3u);
  }
  const JournalView view = expect_whole(host);
  EXPECT_EQ(view.count(ReceiptKind::full), 3u);
}

TEST(Anchorer, ACriticalEventWaitsForATokenAndSaysSo) {
  Host host;
  host.config.anchor_burst = 1;
  host.config.anchor_refill = 24h;
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(1)));
    running.append();
    running.anchorer().critical_event(host.log.head().size);
    EXPECT_TRUE(
        running.wait_for([](const AnchorStatus& status) { return status.critical_waiting; }));
    EXPECT_TRUE(running.wait_until_anchored()) << "quote anchors go on meanwhile";
    EXPECT_EQ(running.anchorer().status().counter_anchors, 1u);
  }
  host.config.anchor_refill = 500ms;
  Running running(host);
  ASSERT_TRUE(running.wait_for(counter_anchors(2)));  // the start's: drawn, none is left
  running.append();
  running.anchorer().critical_event(host.log.head().size);
  ASSERT_TRUE(running.wait_for(counter_anchors(3)));
  EXPECT_FALSE(running.anchorer().status().critical_waiting);
}

TEST(Anchorer, TheHeartbeatAnchorsAlsoWithoutNewRecords) {
  Host host;
  host.config.heartbeat = 20ms;
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(4)));
  }
  const JournalView view = expect_whole(host);
  ASSERT_GE(view.statements.size(), 4u);
  EXPECT_EQ(view.statements[0].flags & attest::kHeartbeat, 0);
  for (std::size_t i = 1; i < view.statements.size(); ++i) {
    EXPECT_NE(view.statements[i].flags & attest::kHeartbeat, 0);
    EXPECT_EQ(view.statements[i].tree, view.statements[0].tree);
  }
}

TEST(Anchorer, StoppingMakesAFinalAnchorOverEverything) {
  Host host;
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(1)));
    running.append(4);
    running.stop();
    const daemon::AnchorOutcome late = running.anchor();
    EXPECT_FALSE(late.done);
    EXPECT_EQ(late.exit_code, EX_UNAVAILABLE);
  }
  const JournalView view = expect_whole(host);
  EXPECT_NE(view.chain.newest_statement()->flags & attest::kFinalOfShutdown, 0);
  EXPECT_EQ(view.chain.newest_statement()->tree, host.log.head());
  EXPECT_EQ(view.kinds.back(), ReceiptKind::full);
}

TEST(Anchorer, ARestartInTheSameRunContinuesTheFold) {
  Host host;
  for (int start = 0; start < 3; ++start) {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(std::uint64_t(start) + 1)));
    running.append();
    ASSERT_TRUE(running.wait_until_anchored());
  }
  const JournalView view = expect_whole(host);
  EXPECT_EQ(view.bundles, 3u);
  EXPECT_TRUE(view.troubles().empty());
  EXPECT_EQ(view.chain.quote_seq(), 3u);
  int first_of_run = 0;
  for (const auto& statement : view.statements) {
    first_of_run += (statement.flags & attest::kFirstOfRun) != 0 ? 1 : 0;
  }
  EXPECT_EQ(first_of_run, 1);
}

class AnchorerAfterPower : public testing::TestWithParam<Swtpm::Power> {};

TEST_P(AnchorerAfterPower, BeginsANewRunAndGoesOn) {
  Host host;
  for (int start = 0; start < 3; ++start) {
    if (start > 0) host.swtpm.power_cycle(GetParam());
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(std::uint64_t(start) + 1)));
    running.append();
    ASSERT_TRUE(running.wait_until_anchored());
  }
  const JournalView view = expect_whole(host);
  EXPECT_TRUE(view.troubles().empty());
  EXPECT_EQ(view.chain.quote_seq(), 1u);
  for (const auto& statement : view.statements) {
    EXPECT_EQ((statement.flags & attest::kFirstOfRun) != 0, !statement.is_quote());
    const bool resumed = GetParam() == Swtpm::Power::resume && statement.seq > 1;
    EXPECT_EQ((statement.flags & attest::kAfterResume) != 0, resumed && !statement.is_quote());
  }
}

INSTANTIATE_TEST_SUITE_P(Every, AnchorerAfterPower,
                         testing::Values(Swtpm::Power::unclean, Swtpm::Power::clean,
                                         Swtpm::Power::restart, Swtpm::Power::resume),
                         power_name);

TEST(Anchorer, ATpmThatIsAwayAtStartIsUsedOnceItIsThere) {
  Host host;
  host.swtpm.kill();
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(State::unavailable));
    ASSERT_TRUE(running.wait_for([&](const AnchorStatus&) { return running.is_ready(); }));
    EXPECT_FALSE(running.anchorer().status().reason.empty());
    const daemon::AnchorOutcome refused = running.anchor();
    EXPECT_EQ(refused.exit_code, EX_UNAVAILABLE);
    EXPECT_FALSE(refused.reason.empty());
    host.swtpm.start();
    ASSERT_TRUE(running.wait_for(State::anchoring));
    EXPECT_TRUE(running.wait_for(counter_anchors(1)));
  }
  EXPECT_TRUE(tells_of_one_pause(expect_whole(host)));
}

TEST(Anchorer, ATpmThatDiesInBetweenIsUnavailableUntilItIsBack) {
  Host host;
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(1)));
    host.swtpm.kill();
    running.append();
    ASSERT_TRUE(running.wait_for(State::unavailable));
    host.swtpm.start();
    ASSERT_TRUE(running.wait_for(State::anchoring));
    running.append();
    ASSERT_TRUE(running.wait_until_anchored());
  }
  const JournalView view = expect_whole(host);
  EXPECT_EQ(view.bundles, 2u);
  EXPECT_TRUE(tells_of_one_pause(view));
}

TEST(Anchorer, ATpmThatHangsIsLeftBehindAtTheEndAndNoHookIsCalledAfterIt) {
  test::begin_with_a_thread();
  const std::ptrdiff_t threads = test::count_threads();
  Host host;
  {
    Running running(host);
    ASSERT_TRUE(running.wait_for(counter_anchors(1)));
    ASSERT_EQ(::kill(host.swtpm.pid(), SIGSTOP), 0);
    running.append();
    running.anchorer().stop(100ms);
  }
  ASSERT_EQ(::kill(host.swtpm.pid(), SIGCONT), 0);
  // The thread left behind ends by itself, without a final anchor: there is no head to be asked
  // for.
  for (int tries = 0; test::count_threads() > threads && tries < 6000; ++tries)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(test::count_threads(), threads);
  const JournalView view = read_journal(host);
  EXPECT_EQ(view.chain.seq(), 1u);
  EXPECT_FALSE(view.chain.newest_statement()->flags & attest::kFinalOfShutdown);
  // What it was doing is finished by the next start.
  anchor_once(host);
  expect_whole(host);
}

// Those who wait for it are told, each once, before stop() returns; so is who asks after that. What
// the thread says when its TPM comes back reaches nobody: here the executor is gone by then.
TEST(Anchorer, WhoWaitsForATpmThatHangsIsRefusedAtTheEnd) {
  test::begin_with_a_thread();
  const std::ptrdiff_t threads = test::count_threads();
  Host host;
  std::vector<std::string> told;
  {
    auto io = std::make_unique<boost::asio::io_context>(1);
    daemon::Anchorer::Hooks hooks;
    hooks.durable_head = [&] { return host.log.head(); };
    hooks.sealed = [](std::uint64_t) {};
    hooks.ready = [] {};
    hooks.fatal = [](int, const std::string&) {};
    daemon::Anchorer anchorer(host.config, io->get_executor(), hooks);
    anchorer.start();
    for (int tries = 0; anchorer.status().counter_anchors < 1 && tries < 6000; ++tries) {
      std::this_thread::sleep_for(10ms);
    }
    ASSERT_EQ(anchorer.status().counter_anchors, 1u);
    ASSERT_EQ(::kill(host.swtpm.pid(), SIGSTOP), 0);
    const auto anchored = [&](const daemon::AnchorOutcome& outcome) {
      EXPECT_EQ(outcome.exit_code, EX_UNAVAILABLE);
      told.push_back(outcome.done ? "anchored" : outcome.reason);
    };
    const auto answered = [&](const daemon::AnswerOutcome& outcome) {
      EXPECT_EQ(outcome.exit_code, EX_UNAVAILABLE);
      told.push_back(outcome.answer ? "answered" : outcome.reason);
    };
    anchorer.anchor(anchored);
    anchorer.answer({}, answered);
    // What the thread takes when the end has come already is refused for that alone.
    for (int tries = 0; anchorer.status().working_since_ns == 0 && tries < 6000; ++tries) {
      std::this_thread::sleep_for(10ms);
    }
    ASSERT_NE(anchorer.status().working_since_ns, 0);
    anchorer.stop(100ms);
    io->poll();
    const std::string words = "the daemon is ending, and the TPM does not answer";
    EXPECT_EQ(told, (std::vector<std::string>{words, words}));
    told.clear();
    anchorer.anchor(anchored);
    io->restart();
    io->poll();
    EXPECT_EQ(told, std::vector<std::string>{"the daemon is ending"});
    told.clear();
    io.reset();
  }
  ASSERT_EQ(::kill(host.swtpm.pid(), SIGCONT), 0);
  for (int tries = 0; test::count_threads() > threads && tries < 6000; ++tries)
    std::this_thread::sleep_for(10ms);
  EXPECT_EQ(test::count_threads(), threads);
  EXPECT_TRUE(told.empty());
}

TEST(Anchorer, HaltsInsteadWhenConfiguredSo) {
  Host host;
  host.config.on_tpm_failure = daemon::Config::OnTpmFailure::halt;
  host.swtpm.kill();
  Running running(host);
  EXPECT_TRUE(
      running.wait_for([&](const AnchorStatus&) { return running.fatal_exit_code() != 0; }));
  EXPECT_EQ(running.fatal_exit_code(), EX_UNAVAILABLE);
}

TEST(Anchorer, AnUnprovisionedDirectoryIsAConfigurationError) {
  Host host;
  std::filesystem::remove(host.config.data + "/secrets");
  Running running(host);
  EXPECT_TRUE(
      running.wait_for([&](const AnchorStatus&) { return running.fatal_exit_code() != 0; }));
  EXPECT_EQ(running.fatal_exit_code(), EX_CONFIG);
  EXPECT_NE(running.anchorer().status().reason.find("stele provision"), std::string::npos);
}

}  // namespace
}  // namespace stele::test
