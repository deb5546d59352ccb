#include "daemon/anchor_rounds.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "attest/check.h"
#include "attest/failpoint.h"
#include "daemon/boot_evidence.h"
#include "daemon/wall_clock.h"

namespace stele::daemon {
namespace {

using attest::EntryKind;
using tpm::Action;
using tpm::Decision;

constexpr int kExclusiveTries = 8;  // how often somebody may come between us and the TPM
constexpr int kReceiptTries = 3;    // receipts that do not verify, in one round
constexpr int kForeignExtends = 1;  // new bases for P in one round
constexpr int kRunChanges = 3;      // TPM resets in one round
constexpr int kAnswerTries = 3;     // answers that contradict the journal
constexpr int kLooks = 3;           // until something grave has shown twice running
constexpr std::chrono::milliseconds kFirstPause{5};

std::string words(const attest::Defect& defect) {
  return std::string(attest::name(defect.fault)) + (defect.detail.empty() ? "" : ": ") +
         defect.detail;
}

std::string whole_seconds(std::int64_t ns) {
  return std::to_string(ns / 1'000'000'000) + " s";
}

}  // namespace

// How much of each trouble one round bears before it gives up.
struct AnchorRounds::Patience {
  int exclusive = kExclusiveTries;
  int receipts = kReceiptTries;
  int foreign = kForeignExtends;
  int runs = kRunChanges;

  static void spend(int& left, const std::string& trouble) {
    if (left-- <= 0) throw Contended(trouble);
  }
  void after_contention() {
    spend(exclusive,
          "somebody else keeps using the TPM while an anchor is made; stop other users of "
          "the TPM, or let them use a resource manager");
    std::this_thread::sleep_for(kFirstPause * (1 << (kExclusiveTries - exclusive)));
  }
};

AnchorRounds::AnchorRounds(storage::FileSystem& files, std::string directory,
                           AnchorJournal& journal, Connect connect, BootLogPaths boot_logs,
                           Clock clock)
    : files_(files),
      directory_(std::move(directory)),
      journal_(journal),
      connect_(std::move(connect)),
      boot_logs_(std::move(boot_logs)),
      clock_(std::move(clock)) {}

void AnchorRounds::open() {
  ENSURE(!device_);
  wait_.reset();
  device_ = connect_();
  try {
    recovered_ |= journal_.chain().open_intent().has_value();
    if (!run_ || run_changed()) store_bundle({});
    settle();
  } catch (...) {
    device_.reset();
    throw;
  }
}

void AnchorRounds::counter(const DurableHead& durable_head, std::uint16_t flags) {
  ENSURE(device_);
  for (int left = kRunChanges; left > 0; --left) {
    settle();
    const attest::AnchorChain& chain = journal_.chain();
    const std::uint64_t before = chain.seq();
    const attest::TreeHead head = durable_head();
    if (recovered_) flags |= attest::kRecovery;
    const attest::Statement statement = chain.next_counter(head, date_statement(), flags);
    FAILPOINT("anchor.A0");
    open_intent(statement);
    FAILPOINT("anchor.A1");
    settle();
    if (chain.seq() != before) {
      recovered_ = false;
      return;
    }
  }
  throw Contended("the TPM was reset again and again while an anchor was made");
}

// From here on the statement waits for its receipt.
std::int64_t AnchorRounds::date_statement() {
  wait_.reset();
  if (clock_) wait_ = Wait{clock_(), 0, false};
  return now_ns();
}

void AnchorRounds::open_intent(const attest::Statement& statement) {
  const std::int64_t before = wait_ ? clock_() : 0;
  const auto stored = journal_.add(EntryKind::intent, encode(statement));
  if (wait_) wait_->disk_ns = clock_() - before;
  // The chain made the statement; only a log that lost anchored records can make it unfit.
  if (!stored) stop("the log does not continue its own anchors: " + words(stored.error()));
}

bool AnchorRounds::quote(const DurableHead& durable_head) {
  ENSURE(device_);
  const attest::AnchorChain& chain = journal_.chain();
  const attest::TreeHead head = durable_head();  // before the clock: it notes a step of it
  const attest::Statement statement = chain.next_quote(head, date_statement());
  open_intent(statement);
  FAILPOINT("quote.Q1");
  // No look at C and E first, unlike for a counter anchor: they are not touched.
  if (!run_changed()) {
    const auto finished = finish_intent({Action::quote_again, true, {}});
    if (finished) return true;
  }
  settle();
  return !chain.needs_counter_anchor();
}

attest::HostIdentity AnchorRounds::identify(const attest::Bytes& answer,
                                            std::uint32_t certificate) {
  attest::HostIdentity identity;
  identity.endorsement = device_->read_endorsement(certificate);
  identity.indexes = device_->indexes();
  identity.ak = journal_.chain().identity().ak.encoded();
  identity.genesis = journal_.genesis();
  identity.genesis_receipt = journal_.genesis_receipt();
  identity.answer = answer;
  // No more than claims: where the file is not there, or none, the auditor says so.
  const std::string path = directory_ + "/trust";
  if (!files_.exists(path)) return identity;
  const auto file = files_.open(path, storage::FileSystem::Open::read_only);
  attest::Bytes text(std::min<std::uint64_t>(file->size(), attest::kMaxTrustBytes));
  text.resize(file->read(0, text));
  identity.trust.assign(text.begin(), text.end());
  return identity;
}

tpm::Activation AnchorRounds::activate(const attest::ActivationRequest& request) {
  return device_->activate_credential(request.certificate, request.credential);
}

attest::Answer AnchorRounds::answer(const attest::Hash& nonce, const DurableHead& durable_head) {
  Patience patience;
  std::string refusal;
  for (int left = kAnswerTries; left > 0; --left) {
    if (!quote(durable_head)) break;
    try {
      auto answer = ask(nonce);
      if (answer) return *answer;
      refusal = words(answer.error());
    } catch (const tpm::TpmError& error) {
      if (error.kind() != tpm::TpmError::Kind::not_exclusive) throw;
      patience.after_contention();
    }
    settle();
    if (journal_.chain().needs_counter_anchor()) break;
  }
  // That one may ask again is said by who tells the asker.
  throw Contended("the TPM's state changed while an answer was made" +
                  (refusal.empty() ? "" : ": " + refusal));
}

attest::Answer AnchorRounds::testify(const attest::Hash& nonce) {
  ENSURE(!device_);
  if (!journal_.chain().newest_statement()) throw AnchoringStopped("the log has no anchor");
  device_ = connect_();
  try {
    attest::Answer answer = take_answer(nonce);
    device_.reset();
    return answer;
  } catch (...) {
    device_.reset();
    throw;
  }
}

// The TPM's word for the newest statement.
attest::Answer AnchorRounds::take_answer(const attest::Hash& nonce) {
  const attest::AnchorChain& chain = journal_.chain();
  const attest::Statement& newest = *chain.newest_statement();
  attest::Answer answer;
  answer.nonce = nonce;
  answer.log_id = chain.log_id();
  answer.seq = newest.seq;
  answer.quote_seq = newest.quote_seq;
  answer.digest = chain.newest_digest();
  answer.tree_size = newest.tree.size;
  device_->answer(answer);
  return answer;
}

// The answer, judged as its reader will judge it.
attest::Result<attest::Answer> AnchorRounds::ask(const attest::Hash& nonce) {
  const attest::AnchorChain& chain = journal_.chain();
  const attest::Statement& newest = *chain.newest_statement();
  const attest::Answer answer = take_answer(nonce);
  const attest::Hash extra_data = answer_extra_data(answer);
  const auto audit = verify_audit(
      answer.audit, chain.identity(),
      read_session_digest(chain.identity(), answer.audit.counter, answer.audit.extend), extra_data);
  if (!audit) return audit.error();
  if (answer.audit.counter != chain.counter() || answer.audit.extend != chain.extend()) {
    return attest::Defect{attest::Fault::answer_mismatch, {}, "C or E is not the journal's"};
  }
  const auto quoted = verify_quote(answer.quote, chain.identity(), extra_data);
  if (!quoted) return quoted.error();
  // A Resume keeps P: only the counts tell that the TPM slept since the statement.
  if (audit->run != newest.run || quoted->run != newest.run) {
    return attest::Defect{attest::Fault::answer_run_changed, {}, "the TPM was reset or resumed"};
  }
  if (answer.quote.pcrs.back() != chain.fold()) {
    return attest::Defect{attest::Fault::fold_mismatch, {}, "the quoted PCR is not the fold"};
  }
  return answer;
}

// Until nothing is left to do: reads what is there, asks the table, does it.
void AnchorRounds::settle() {
  Patience patience;
  while (!settle_step(patience)) {
  }
}

bool AnchorRounds::settle_step(Patience& patience) {
  if (run_changed()) {
    Patience::spend(patience.runs, "the TPM is reset again and again");
    store_bundle({});
  }
  const Decision decision = confirmed([this] {
    const tpm::IndexState indexes = device_->read_indexes();
    const attest::Hash pcr = device_->read_pcr();
    return tpm::decide(journal_.chain(), indexes, pcr, in_run_of_intent());
  });
  // A machine that hibernates wakes up between any two commands, with P cleared: no stranger's
  // work.
  if (decision.action == Action::foreign_extend && run_changed()) return false;
  try {
    return carry_out(decision, patience);
  } catch (const tpm::TpmError& error) {
    if (error.kind() != tpm::TpmError::Kind::not_exclusive) throw;
    // Whether C was incremented shows at the next look: never send it again on a guess.
    patience.after_contention();
    return false;
  }
}

// What is read is not signed: one answer spoiled on its way must neither end anchoring for good nor
// lay a stranger's hand on P. So what is grave has to show twice, and alike.
Decision AnchorRounds::confirmed(const std::function<Decision()>& look) {
  const auto is_grave = [](const Decision& decision) {
    return decision.action == Action::stop || decision.action == Action::foreign_extend;
  };
  Decision decision = look();
  for (int left = kLooks; left > 0 && is_grave(decision); --left) {
    const Decision before = std::exchange(decision, look());
    if (decision.action == before.action && decision.reason == before.reason) return decision;
  }
  if (!is_grave(decision)) return decision;
  throw Contended("the TPM says something else each time it is asked: " + decision.reason);
}

// True: nothing is left to do.
bool AnchorRounds::carry_out(const Decision& decision, Patience& patience) {
  switch (decision.action) {
    case Action::nothing:
      return true;
    case Action::stop:
      stop(decision.reason);
    case Action::foreign_extend:
      Patience::spend(patience.foreign, decision.reason);
      store_bundle(decision.reason);
      return false;
    case Action::void_and_anew:
    case Action::void_quote:
      void_intent();
      return false;
    case Action::anchor_again:
    case Action::quote_again:
    case Action::extend_and_read_back:
    case Action::read_back:
      if (const auto finished = finish_intent(decision); !finished) {
        Patience::spend(patience.receipts,
                        "the TPM's receipt does not verify: " + words(finished.error()));
      }
      return false;
  }
  return true;
}

// From A2 (Q2) on: the TPM's work for the open intent, and its receipt judged and stored.
// A defect: the receipt was not stored.
attest::Result<void> AnchorRounds::finish_intent(const Decision& decision) {
  const attest::OpenIntent intent = *journal_.chain().open_intent();
  const bool same_run = in_run_of_intent();
  if (decision.extend_pcr_first) device_->extend_pcr(intent.digest);
  FAILPOINT(intent.statement.is_quote() ? "quote.Q2" : "anchor.A2");
  attest::Receipt receipt;
  switch (decision.action) {
    case Action::quote_again:
      receipt.kind = attest::ReceiptKind::quote;
      receipt.digest = intent.digest;
      receipt.quote = device_->quote(intent.digest);
      FAILPOINT("quote.Q3");
      break;
    case Action::anchor_again:
      receipt = device_->full_anchor(intent.statement);
      break;
    case Action::extend_and_read_back:
      device_->extend_index(intent.digest);
      FAILPOINT("recovery.extend");
      [[fallthrough]];
    default:
      receipt =
          device_->read_back(intent.digest, attest::read_back_extra_data(intent.digest), same_run);
      FAILPOINT("recovery.read_back");
  }
  // What the TPM signed says when it did: how long storing it takes is no matter.
  remark_wait();
  const auto stored = journal_.add(EntryKind::receipt, encode(receipt));
  if (!stored) return stored.error();
  const bool waited = wait_ && wait_->remarked;
  wait_.reset();
  if (waited) journal_.remark(attest::RemarkCode::resumed, std::string(kLateReceiptIsThere));
  return attest::ok();
}

// The TPM's clock has gone on since the statement was dated: said beside it, this is no wall clock
// that was held back.
void AnchorRounds::remark_wait() {
  if (!wait_ || wait_->remarked) return;
  const std::int64_t waited = clock_() - wait_->since_ns;
  if (waited < std::chrono::nanoseconds(kLateReceipt).count()) return;
  journal_.remark(attest::RemarkCode::pause,
                  std::string(kLateReceiptWords) + whole_seconds(waited) + " for its receipt, " +
                      whole_seconds(wait_->disk_ns) + " of them for the disk");
  wait_->remarked = true;
}

void AnchorRounds::void_intent() {
  const attest::AnchorChain& chain = journal_.chain();
  const attest::Voided voided{chain.void_reason(), chain.open_intent()->digest};
  const auto stored = journal_.add(EntryKind::voided, encode(voided));
  ENSURE(stored.has_value());
  recovered_ = true;
  FAILPOINT("recovery.void");
}

void AnchorRounds::store_bundle(const std::string& foreign) {
  const tpm::Clock clock = device_->read_clock();
  const tpm::IndexState indexes = read_indexes_or_stop();
  const BootEvidence evidence = read_boot_evidence(files_, boot_logs_);
  const attest::Bytes encoded =
      encode(device_->make_bundle(evidence.boot_id, indexes, evidence.event_log, evidence.ima_log));
  if (device_->read_clock().run != clock.run) {
    throw Contended("the TPM was reset while its boot bundle was made");
  }
  keep_boot_log(files_, directory_, evidence.event_log);
  keep_boot_log(files_, directory_, evidence.ima_log);
  if (!foreign.empty()) note_foreign_extend(foreign);
  auto stored = journal_.add(EntryKind::bundle, encoded);
  if (!stored && stored.error().fault == attest::Fault::fold_mismatch) {
    note_foreign_extend(words(stored.error()));
    stored = journal_.add(EntryKind::bundle, encoded);
  }
  if (!stored) refuse_bundle(stored.error());
  run_ = clock.run;
  FAILPOINT("recovery.bundle");
}

void AnchorRounds::note_foreign_extend(const std::string& reason) {
  journal_.remark(attest::RemarkCode::foreign_extend, reason);
  FAILPOINT("recovery.remark");
}

// The counts and the clock of one chip never go back: it is another one, or its state was put back.
void AnchorRounds::refuse_bundle(const attest::Defect& defect) {
  const bool put_back =
      defect.fault == attest::Fault::run_mismatch || defect.fault == attest::Fault::clock_went_back;
  if (put_back) stop("the TPM was put back: " + words(defect));
  throw Contended("the TPM's boot bundle does not verify: " + words(defect));
}

// Before anything is written anywhere: a TPM that the table stops at gets no bundle.
tpm::IndexState AnchorRounds::read_indexes_or_stop() {
  tpm::IndexState indexes;
  const Decision decision = confirmed([&] {
    indexes = device_->read_indexes();
    return tpm::decide(journal_.chain(), indexes, {}, false);
  });
  if (decision.action == Action::stop) stop(decision.reason);
  return indexes;
}

void AnchorRounds::stop(const std::string& reason) {
  journal_.remark(attest::RemarkCode::stopped, reason);
  throw AnchoringStopped(reason);
}

bool AnchorRounds::run_changed() {
  return device_->read_clock().run != *run_;
}

// The newest bundle is of the run that is signed now, so the chain's run is that run.
bool AnchorRounds::in_run_of_intent() const {
  const auto& intent = journal_.chain().open_intent();
  return !intent || intent->statement.run == *journal_.chain().run();
}

}  // namespace stele::daemon
