#include "attest/live_answer.h"

namespace stele::attest {
namespace {

// A defect of a signed part, as one of the answer.
Defect of_answer(const Defect& defect) {
  switch (defect.fault) {
    case Fault::signer_mismatch:
      return defect;
    case Fault::pcr_selection:  // as of any quote: it says nothing about P
      return {defect.fault, {}, "the answer: " + defect.detail};
    case Fault::receipt_extra_data:
      return {Fault::nonce_mismatch, {}, "the TPM did not sign it for this nonce and statement"};
    default:
      return {Fault::answer_mismatch, {}, "the answer: " + defect.detail};
  }
}

Defect contradiction(std::string why) {
  return {Fault::answer_mismatch, {}, std::move(why)};
}

}  // namespace

void LiveAnswer::anchored(const AnchorChain& chain, std::uint64_t clock_ms) {
  if (chain.newest_digest() != answer_.digest || !chain.newest_statement()) return;
  expected_ =
      Expected{*chain.newest_statement(), chain.counter(), chain.extend(), chain.fold(), clock_ms};
}

Result<void> LiveAnswer::judge(const Hash& nonce, const AnchorChain& chain) const {
  if (answer_.nonce != nonce)
    return Defect(Fault::nonce_mismatch, {}, "the answer is for another nonce");
  if (answer_.log_id != chain.log_id()) return contradiction("the answer is another log's");
  const TpmIdentity& identity = chain.identity();
  const Hash extra_data = answer_extra_data(answer_);
  const Hash session = read_session_digest(identity, answer_.audit.counter, answer_.audit.extend);
  const Result<Attestation> audit = verify_audit(answer_.audit, identity, session, extra_data);
  if (!audit) return of_answer(audit.error());
  const Result<Attestation> quote = verify_quote(answer_.quote, identity, extra_data);
  if (!quote) return of_answer(quote.error());
  return judge_values(*audit, *quote);
}

Result<void> LiveAnswer::judge_values(const Attestation& audit, const Attestation& quote) const {
  if (!expected_)
    return contradiction("the statement that the host answers for is not in the log presented");
  const Statement& statement = expected_->statement;
  if (answer_.seq != statement.seq || answer_.quote_seq != statement.quote_seq ||
      answer_.tree_size != statement.tree.size) {
    return contradiction("the answer's numbers are not its statement's");
  }
  // Signed for this nonce: whatever run it lies in, the TPM's counter is this now.
  if (answer_.audit.counter != expected_->counter) {
    return contradiction("the TPM's counter is " + std::to_string(answer_.audit.counter) +
                         ", the log presented leads to " + std::to_string(expected_->counter));
  }
  if (answer_.audit.extend != expected_->extend) {
    return contradiction("the TPM's E is not what the log presented leads to");
  }
  const bool same_run = audit.run == statement.run && quote.run == statement.run;
  if (!same_run) {
    if (precedes(audit.run, statement.run))
      return contradiction("the answer lies in a run before its statement's");
    return Defect(Fault::answer_run_changed, {},
                  "the TPM was reset between the last statement and the answer: ask again");
  }
  if (audit.clock_ms < expected_->clock_ms || quote.clock_ms < expected_->clock_ms) {
    return contradiction("the answer is older than its statement's receipt");
  }
  if (answer_.quote.pcrs.back() != expected_->fold) {
    return contradiction("P is not the fold of the statements presented: quote anchors were cut");
  }
  return ok();
}

}  // namespace stele::attest
