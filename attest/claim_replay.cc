#include "attest/claim_replay.h"

namespace stele::attest {

Result<std::optional<Statement>> ClaimReplay::apply(EntryKind kind, ByteView payload) {
  const std::optional<Statement> nothing;
  switch (kind) {
    case EntryKind::genesis:
      return Defect(Fault::genesis_mismatch, {}, "a second genesis in the journal");
    case EntryKind::bundle: {
      const Result<Bundle> bundle = decode_bundle(payload);
      return bundle ? Result(nothing) : bundle.error();
    }
    case EntryKind::intent:
      return apply_intent(payload);
    case EntryKind::receipt: {
      const Result<Receipt> receipt = decode_receipt(payload);
      if (!receipt) return receipt.error();
      if (!has_genesis_receipt_) {
        has_genesis_receipt_ = true;
        return nothing;
      }
      const Result<void> closed = verify_closing(receipt->digest);
      return closed ? Result(nothing) : closed.error();
    }
    case EntryKind::voided: {
      const Result<Voided> voided = decode_voided(payload);
      if (!voided) return voided.error();
      const Result<void> closed = verify_closing(voided->digest);
      return closed ? Result(nothing) : closed.error();
    }
    case EntryKind::remark: {
      const Result<Remark> remark = decode_remark(payload);
      return remark ? Result(nothing) : remark.error();
    }
  }
  return nothing;
}

Result<std::optional<Statement>> ClaimReplay::apply_intent(ByteView payload) {
  const Result<Statement> statement = decode_statement(payload);
  if (!statement) return statement.error();
  const Place at = Place::anchor(statement->seq);
  if (statement->log_id != log_id_)
    return Defect(Fault::statement_mismatch, at, "a statement of another log");
  if (open_) return Defect(Fault::statement_mismatch, at, "a statement while another is open");
  open_ = statement_digest(payload);
  return std::optional<Statement>(*statement);
}

Result<void> ClaimReplay::verify_closing(const Hash& digest) {
  if (!open_ || *open_ != digest) {
    return Defect(Fault::receipt_unexpected, {}, "it closes another statement than the open one");
  }
  open_.reset();
  return ok();
}

}  // namespace stele::attest
