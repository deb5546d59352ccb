// Goal: the chain takes exactly what an honest daemon writes, at every point of its life, and
// refuses each departure under its own fault, unchanged by what it refused. Method: logs on paper,
// step by step; one field, order or register bent at a time.
#include "attest/anchor_chain.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/paper_log.h"

namespace stele::attest {
namespace {

using test::PaperLog;

Bytes chain_bytes(const Statement& statement) {
  const auto encoded = encode(statement);
  return {encoded.begin(), encoded.end()};
}

// The fault with which the chain refuses an entry, which must leave it unchanged.
std::string refusal(const PaperLog& log, EntryKind kind, const Bytes& payload) {
  AnchorChain chain = *log.chain;
  const auto applied = chain.apply(kind, payload);
  if (applied) return "accepted";
  EXPECT_EQ(chain.open_intent().has_value(), log.chain->open_intent().has_value());
  EXPECT_EQ(chain.fold(), log.chain->fold());
  EXPECT_EQ(chain.seq(), log.chain->seq());
  return std::string(name(applied.error().fault));
}

TEST(AnchorChain, RunsOrderByTheirDifferences) {
  EXPECT_TRUE(precedes({1, 5}, {1, 6}));
  EXPECT_TRUE(precedes({1, 5}, {2, 0}));
  EXPECT_TRUE(precedes({0xffffffff, 7}, {0, 0})) << "the signed counts are obfuscated and wrap";
  EXPECT_FALSE(precedes({2, 0}, {1, 5}));
  EXPECT_FALSE(precedes({1, 5}, {1, 5}));
}

TEST(AnchorChain, FollowsALifeOfTwoBootsAndARestartOfTheDaemon) {
  PaperLog log;
  EXPECT_TRUE(log.chain->has_genesis_receipt());
  log.start();
  EXPECT_FALSE(log.chain->needs_counter_anchor());
  log.events(3);
  log.quote();
  log.quote();
  EXPECT_EQ(log.chain->quote_seq(), 2u);
  EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
  log.bundle();  // the daemon again, same run: P goes on
  EXPECT_TRUE(log.chain->needs_counter_anchor());
  log.counter();
  log.quote();
  EXPECT_EQ(log.chain->quote_seq(), 3u);
  log.counter(kFinalOfShutdown);
  EXPECT_TRUE(log.chain->needs_counter_anchor()) << "work after a final anchor";
  log.boot();
  log.start();
  log.quote();
  EXPECT_EQ(log.chain->quote_seq(), 1u);
  EXPECT_EQ(log.chain->seq(), 4u);
  EXPECT_EQ(log.chain->counter(), log.tpm.counter);
  EXPECT_EQ(log.chain->extend(), log.tpm.extend);
  EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
  EXPECT_EQ(log.chain->newest_statement()->run, log.tpm.run);
}

TEST(AnchorChain, SaysWhatAnAppliedEntryWas) {
  PaperLog log;
  log.start();
  const Statement statement = log.open_counter();
  const Receipt receipt = log.tpm.full_anchor(statement);
  const auto closed = log.chain->apply(EntryKind::receipt, encode(receipt));
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->kind, EntryKind::receipt);
  EXPECT_EQ(closed->statement, statement);
  EXPECT_EQ(closed->receipt->receipt_hash(), receipt_hash(receipt.audit->signed_attestation));
  const auto remark =
      log.chain->apply(EntryKind::remark, encode(Remark{RemarkCode::pause, 1, 1, "busy"}));
  ASSERT_TRUE(remark);
  EXPECT_EQ(remark->remark->text, "busy");
  log.boot();
  const auto bundle = log.chain->apply(EntryKind::bundle, encode(log.tpm.bundle(log.boot_id)));
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(bundle->new_run);
  EXPECT_FALSE(bundle->resumed);
  EXPECT_EQ(bundle->bundle->run(), log.tpm.run);
}

TEST(AnchorChain, AnotherIdentityIsRefusedAtTheGenesis) {
  PaperLog log, other;
  const Bytes& genesis = log.entries[0].payload;
  EXPECT_EQ(AnchorChain::begin(genesis, other.tpm.identity()).error().fault,
            Fault::signer_mismatch);
  TpmIdentity identity = log.tpm.identity();
  identity.counter_name[5] ^= 1;
  EXPECT_EQ(AnchorChain::begin(genesis, identity).error().fault, Fault::index_mismatch);
  identity = log.tpm.identity();
  identity.pcr = 13;
  EXPECT_EQ(AnchorChain::begin(genesis, identity).error().fault, Fault::index_mismatch);
}

TEST(AnchorChain, EveryFieldOfACounterStatementIsDemanded) {
  PaperLog log;
  log.start();
  log.events(2);
  log.pass(10);
  const Statement good = log.chain->next_counter(log.head(), log.now_ns, 0);
  EXPECT_EQ(refusal(log, EntryKind::intent, chain_bytes(good)), "accepted");
  const auto bent = [&](const std::function<void(Statement&)>& bend) {
    Statement statement = good;
    bend(statement);
    return refusal(log, EntryKind::intent, chain_bytes(statement));
  };
  EXPECT_EQ(bent([](auto& s) { s.flags |= kFirstOfRun; }), "statement_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.flags |= kForeignExtend; }), "statement_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.log_id.bytes[0] ^= 1; }), "statement_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.era += 1; }), "statement_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.seq += 1; }), "statement_gap");
  EXPECT_EQ(bent([](auto& s) { s.seq -= 1; }), "statement_gap");
  EXPECT_EQ(bent([](auto& s) { s.counter += 1; }), "counter_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.tree.size = 0; }), "statement_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.chain_head.bytes[3] ^= 1; }), "statement_gap");
  EXPECT_EQ(bent([](auto& s) { s.prev_extend.bytes[3] ^= 1; }), "extend_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.prev_receipt.bytes[3] ^= 1; }), "statement_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.bundle.bytes[3] ^= 1; }), "bundle_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.run.reset += 1; }), "statement_mismatch");
}

TEST(AnchorChain, EveryFieldOfAQuoteStatementIsDemanded) {
  PaperLog log;
  log.start();
  log.events(2);
  const Statement good = log.chain->next_quote(log.head(), log.now_ns);
  EXPECT_EQ(refusal(log, EntryKind::intent, chain_bytes(good)), "accepted");
  const auto bent = [&](const std::function<void(Statement&)>& bend) {
    Statement statement = good;
    bend(statement);
    return refusal(log, EntryKind::intent, chain_bytes(statement));
  };
  EXPECT_EQ(bent([](auto& s) { s.flags |= kHeartbeat; }), "statement_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.seq += 1; }), "statement_gap");
  EXPECT_EQ(bent([](auto& s) { s.quote_seq += 1; }), "statement_gap");
  EXPECT_EQ(bent([](auto& s) { s.counter += 1; }), "counter_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.prev_extend.bytes[0] ^= 1; }), "extend_mismatch");
  EXPECT_EQ(bent([](auto& s) { s.chain_head.bytes[0] ^= 1; }), "statement_gap");
}

TEST(AnchorChain, MissesTheLastQuoteStatementsBeforeACounterAnchor) {
  PaperLog log;
  log.start();
  log.events(2);
  AnchorChain without = *log.chain;
  log.quote();
  const auto refused = without.apply(EntryKind::intent, chain_bytes(log.open_counter()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::statement_gap)
      << "no number skips: only chain_head tells";
}

TEST(AnchorChain, NoQuoteAnchorBeforeItsRunsCounterAnchor) {
  PaperLog log;
  log.start();
  const Statement quote = log.chain->next_quote(log.head(), log.now_ns);
  log.bundle();
  EXPECT_EQ(refusal(log, EntryKind::intent, chain_bytes(quote)), "statement_mismatch");
}

TEST(AnchorChain, OnlyOneStatementIsOpen) {
  PaperLog log;
  log.start();
  const Statement first = log.open_counter();
  Statement second = first;
  second.wallclock_ns += 1;
  EXPECT_EQ(refusal(log, EntryKind::intent, chain_bytes(second)), "statement_mismatch");
}

TEST(AnchorChain, AReceiptNeedsItsStatement) {
  PaperLog log;
  log.start();
  const Bytes again = log.entries.back().payload;
  EXPECT_EQ(refusal(log, EntryKind::receipt, again), "receipt_unexpected");
  log.open_counter();
  EXPECT_EQ(refusal(log, EntryKind::receipt, again), "receipt_unexpected");
}

TEST(AnchorChain, AQuoteDoesNotCloseACounterAnchor) {
  PaperLog log;
  log.start();
  const Statement statement = log.open_counter();
  const Hash digest = statement_digest(encode(statement));
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(log.tpm.quote_receipt(digest))),
            "receipt_unexpected");
}

TEST(AnchorChain, TheQuotedPMustBeTheFold) {
  PaperLog log;
  log.start();
  const Statement statement = log.open_quote();
  PaperLog other = log;
  other.tpm.extend_pcr(hash(view("foreign")));
  const Hash digest = statement_digest(encode(statement));
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(other.tpm.quote_receipt(digest))),
            "fold_mismatch");
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(log.tpm.quote_receipt(digest))), "accepted");
}

TEST(AnchorChain, AFullReceiptLiesInItsStatementsRunAReadBackThereOrLater) {
  PaperLog log;
  log.start();
  const Statement statement = log.open_counter();
  const Hash digest = statement_digest(encode(statement));
  PaperLog later = log;
  later.tpm.resume();
  const Receipt full = later.tpm.full_anchor(statement);
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(full)), "receipt_run");
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(later.tpm.read_back(digest, true))),
            "receipt_run");
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(later.tpm.read_back(digest, false))),
            "accepted");
  later.tpm.run.reset -= 1;
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(later.tpm.read_back(digest, false))),
            "receipt_run");
}

TEST(AnchorChain, AReadBackOfItsStatementsRunShowsP) {
  PaperLog log;
  log.start();
  const Hash digest = statement_digest(encode(log.open_counter()));
  log.tpm.increment();
  log.tpm.extend_index(digest);
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(log.tpm.read_back(digest, false))),
            "value_out_of_range");
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(log.tpm.read_back(digest, true))), "accepted");
}

TEST(AnchorChain, ReadBackOfALaterRunThanTheNextStatementsIsRefused) {
  PaperLog log;
  log.start();
  log.open_counter();
  log.tpm.resume();
  log.read_back_open(false);
  // The newest bundle still names the run before.
  EXPECT_EQ(refusal(log, EntryKind::intent,
                    chain_bytes(log.chain->next_counter(log.head(), log.now_ns, 0))),
            "receipt_run");
  log.bundle();
  EXPECT_EQ(refusal(log, EntryKind::intent,
                    chain_bytes(log.chain->next_counter(log.head(), log.now_ns, 0))),
            "accepted");
}

TEST(AnchorChain, TheClockDoesNotFallWithinARun) {
  PaperLog log;
  log.start();
  log.tpm.clock_ms -= 1;
  const Statement statement = log.open_quote();
  const Hash digest = statement_digest(encode(statement));
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(log.tpm.quote_receipt(digest))),
            "clock_went_back");
}

TEST(AnchorChain, RunsDoNotGoBack) {
  PaperLog log;
  log.boot();
  log.start();
  log.tpm.run.reset -= 1;
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(log.tpm.bundle(log.boot_id))), "run_mismatch");
}

TEST(AnchorChain, ABundleMustFindCAndEWhereTheJournalLeft) {
  PaperLog log;
  log.start();
  PaperLog bent = log;
  bent.tpm.increment();
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(bent.tpm.bundle(log.boot_id))),
            "counter_mismatch");
  bent = log;
  bent.tpm.extend_index(hash(view("foreign")));
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(bent.tpm.bundle(log.boot_id))),
            "extend_mismatch");
  // With a counter intent open: before it, after the increment, after both; never E alone.
  const Statement statement = log.open_counter();
  const Hash digest = statement_digest(encode(statement));
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(log.tpm.bundle(log.boot_id))), "accepted");
  bent = log;
  bent.tpm.extend_index(digest);
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(bent.tpm.bundle(log.boot_id))),
            "extend_mismatch");
  log.tpm.increment();
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(log.tpm.bundle(log.boot_id))), "accepted");
  log.tpm.extend_index(digest);
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(log.tpm.bundle(log.boot_id))), "accepted");
}

// Crash between A2 and A8 and the daemon starts again in the same run.
TEST(AnchorChain, ACrashedCounterAnchorIsFinishedInItsRun) {
  for (const int done : {0, 1, 2, 3}) {
    PaperLog log;
    log.start();
    const Statement statement = log.chain->next_counter(log.head(), log.now_ns, 0);
    log.append(EntryKind::intent, chain_bytes(statement));
    const Hash digest = statement_digest(encode(statement));
    if (done >= 1) log.tpm.extend_pcr(digest);
    if (done >= 2) log.tpm.increment();
    if (done >= 3) log.tpm.extend_index(digest);
    log.bundle();
    if (done < 1) log.tpm.extend_pcr(digest);
    if (done < 2) {
      log.receipt(log.tpm.full_anchor(statement));
    } else {
      log.read_back_open(true);
    }
    EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
    EXPECT_TRUE(log.chain->needs_counter_anchor()) << "it names the bundle before";
    log.counter();
    log.quote();
  }
}

TEST(AnchorChain, AfterAResetACounterIntentIsVoidedOrReadBack) {
  for (const bool written : {false, true}) {
    PaperLog log;
    log.start();
    const Statement statement = log.open_counter();
    if (written) log.tpm.increment();
    log.boot();
    log.tpm.extend_pcr(hash(view("extended before the daemon noticed")));
    log.bundle();
    EXPECT_EQ(log.chain->void_reason(), VoidReason::run_changed);
    if (written) {
      log.read_back_open(false);
    } else {
      log.voided(VoidReason::run_changed);
    }
    log.counter();
    EXPECT_EQ(log.chain->seq(), written ? statement.seq + 1 : statement.seq);
    log.quote();
    EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
  }
}

TEST(AnchorChain, AVoidNamesTheOpenStatement) {
  PaperLog log;
  log.start();
  const Bytes elsewhere = encode(Voided{VoidReason::run_changed, hash(view("other"))});
  EXPECT_EQ(refusal(log, EntryKind::voided, elsewhere), "receipt_unexpected");
  log.open_quote();
  EXPECT_EQ(refusal(log, EntryKind::voided, elsewhere), "receipt_unexpected");
}

// Resume keeps P: the fold goes on, with or without the open intent's d, and the void must say
// which.
TEST(AnchorChain, AcrossAResumeTheFoldGoesOn) {
  for (const bool extended_before : {false, true}) {
    PaperLog log;
    log.start();
    log.quote();
    const Statement statement = log.chain->next_quote(log.head(), log.now_ns);
    log.append(EntryKind::intent, chain_bytes(statement));
    if (extended_before) log.tpm.extend_pcr(statement_digest(encode(statement)));
    log.tpm.resume();
    log.bundle();
    const VoidReason right = extended_before ? VoidReason::kept : VoidReason::run_changed;
    const VoidReason wrong = extended_before ? VoidReason::run_changed : VoidReason::kept;
    EXPECT_EQ(log.chain->void_reason(), right);
    const Hash digest = statement_digest(encode(statement));
    EXPECT_EQ(refusal(log, EntryKind::voided, encode(Voided{wrong, digest})), "statement_mismatch");
    log.voided(right);
    log.counter();
    EXPECT_EQ(log.chain->newest_statement()->flags, kFirstOfRun | kAfterResume);
    log.quote();
    EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
    EXPECT_EQ(log.chain->quote_seq(), 1u);
  }
}

TEST(AnchorChain, ARestartClearsPInTheSameResetCount) {
  PaperLog log;
  log.start();
  log.quote();
  log.tpm.restart();
  log.bundle();
  log.counter();
  EXPECT_EQ(log.chain->newest_statement()->flags, kFirstOfRun);
  log.quote();
  EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
}

TEST(AnchorChain, AnExplainedForeignExtendMakesANewBase) {
  PaperLog log;
  log.start();
  log.quote();
  log.tpm.extend_pcr(hash(view("foreign")));
  const Bytes bundle = encode(log.tpm.bundle(log.boot_id));
  EXPECT_EQ(refusal(log, EntryKind::bundle, bundle), "fold_mismatch");
  log.remark(RemarkCode::foreign_extend);
  log.append(EntryKind::bundle, bundle);
  EXPECT_TRUE(log.chain->needs_counter_anchor());
  Statement unflagged = log.chain->next_counter(log.head(), log.now_ns, 0);
  EXPECT_EQ(unflagged.flags, kForeignExtend);
  unflagged.flags = 0;
  EXPECT_EQ(refusal(log, EntryKind::intent, chain_bytes(unflagged)), "statement_mismatch");
  log.counter();
  log.quote();
  EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
}

TEST(AnchorChain, ACounterAnchorUnderWayIsFinishedOnTheNewBase) {
  PaperLog log;
  log.start();
  const Statement statement = log.open_counter();
  log.tpm.extend_pcr(hash(view("foreign")));
  log.remark(RemarkCode::foreign_extend);
  log.bundle();
  log.tpm.extend_pcr(statement_digest(encode(statement)));  // d again
  log.receipt(log.tpm.full_anchor(statement));
  EXPECT_EQ(log.chain->fold(), log.tpm.pcrs.back());
  EXPECT_TRUE(log.chain->needs_counter_anchor());
  log.counter();
  EXPECT_NE(log.chain->newest_statement()->flags & kForeignExtend, 0);
  log.quote();
}

TEST(AnchorChain, AQuoteAnchorUnderWayDoesNotSurviveAForeignExtend) {
  PaperLog log;
  log.start();
  log.open_quote();
  log.tpm.extend_pcr(hash(view("foreign")));
  log.remark(RemarkCode::foreign_extend);
  log.bundle();
  EXPECT_EQ(log.chain->void_reason(), VoidReason::run_changed);
  log.voided(VoidReason::run_changed);
  log.counter();
  log.quote();
}

// A remark explains the next bundle only, and only where P is wrong.
TEST(AnchorChain, ARemarkExplainsOneBundle) {
  PaperLog log;
  log.start();
  log.remark(RemarkCode::foreign_extend);
  log.bundle();
  EXPECT_EQ(log.chain->next_counter(log.head(), log.now_ns, 0).flags, 0);
  log.counter();
  log.tpm.extend_pcr(hash(view("foreign")));
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(log.tpm.bundle(log.boot_id))), "fold_mismatch");
}

TEST(AnchorChain, RefusesWhatStandsOutOfPlace) {
  PaperLog log;
  EXPECT_EQ(refusal(log, EntryKind::genesis, log.entries[0].payload), "genesis_mismatch");
  EXPECT_EQ(refusal(log, static_cast<EntryKind>(99), {}), "value_out_of_range");
  Statement statement;
  statement.log_id = log.chain->log_id();
  statement.seq = 1;
  EXPECT_EQ(refusal(log, EntryKind::intent, chain_bytes(statement)), "bundle_mismatch");
  const auto fresh = AnchorChain::begin(log.entries[0].payload, log.tpm.identity());
  log.chain = *fresh;
  EXPECT_EQ(refusal(log, EntryKind::bundle, encode(log.tpm.bundle(log.boot_id))),
            "bundle_mismatch");
  EXPECT_EQ(refusal(log, EntryKind::intent, chain_bytes(statement)), "statement_mismatch");
  const Hash d0 = genesis_digest(log.entries[0].payload);
  EXPECT_EQ(refusal(log, EntryKind::receipt, encode(log.tpm.read_back(d0, true))),
            "receipt_unexpected");
}

}  // namespace
}  // namespace stele::attest
