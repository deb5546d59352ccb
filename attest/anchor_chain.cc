#include "attest/anchor_chain.h"

#include "attest/check.h"

namespace stele::attest {
namespace {

constexpr std::uint32_t kHalf = std::uint32_t{1} << 31;

Place place_of(const Statement& statement) {
  return Place::anchor(statement.seq);
}

}  // namespace

bool precedes(const Run& earlier, const Run& later) {
  const std::uint32_t resets = later.reset - earlier.reset;
  if (resets != 0) return resets < kHalf;
  const std::uint32_t restarts = later.restart - earlier.restart;
  return restarts != 0 && restarts < kHalf;
}

AnchorChain::AnchorChain(Genesis genesis, ByteView encoded, TpmIdentity identity)
    : genesis_(std::move(genesis)),
      log_id_(attest::log_id(encoded)),
      genesis_digest_(attest::genesis_digest(encoded)),
      identity_(std::move(identity)),
      extend_(first_extend(encoded)),
      chain_head_(log_id_) {}

AnchorChain::AnchorChain(Genesis genesis, const Hash& log_id, TpmIdentity identity)
    : genesis_(std::move(genesis)), log_id_(log_id), identity_(std::move(identity)) {}

Result<AnchorChain> AnchorChain::begin(ByteView genesis, TpmIdentity identity) {
  const Result<Genesis> decoded = decode_genesis(genesis);
  if (!decoded) return decoded.error();
  if (decoded->ak_name != identity.ak.name()) {
    return Defect(Fault::signer_mismatch, {}, "the genesis names another AK than the one pinned");
  }
  if (decoded->counter_name != identity.counter_name ||
      decoded->extend_name != identity.extend_name) {
    return Defect(Fault::index_mismatch, {},
                  "the genesis names other NV indexes than those pinned");
  }
  if (decoded->pcr != identity.pcr) {
    return Defect(Fault::index_mismatch, {}, "the genesis names another PCR than the one pinned");
  }
  return AnchorChain(*decoded, genesis, std::move(identity));
}

Result<AnchorChain::Applied> AnchorChain::apply(EntryKind kind, ByteView payload) {
  switch (kind) {
    case EntryKind::genesis:
      return Defect(Fault::genesis_mismatch, {}, "a second genesis in the journal");
    case EntryKind::bundle:
      return apply_bundle(payload);
    case EntryKind::intent:
      return apply_intent(payload);
    case EntryKind::receipt:
      return apply_receipt(payload);
    case EntryKind::voided:
      return apply_void(payload);
    case EntryKind::remark:
      return apply_remark(payload);
  }
  return Defect(Fault::value_out_of_range, {}, "an entry of a kind that the chain does not know");
}

Result<AnchorChain::Applied> AnchorChain::apply_remark(ByteView payload) {
  const Result<Remark> remark = decode_remark(payload);
  if (!remark) return remark.error();
  if (remark->code == RemarkCode::foreign_extend) foreign_noted_ = true;
  Applied applied;
  applied.kind = EntryKind::remark;
  applied.remark = *remark;
  return applied;
}

Result<void> AnchorChain::verify_clock(const Run& run, std::uint64_t clock_ms) const {
  if (has_genesis_receipt_ && run == clock_run_ && clock_ms < clock_ms_) {
    return Defect(Fault::clock_went_back, {},
                  "the TPM's clock fell from " + std::to_string(clock_ms_) + " ms to " +
                      std::to_string(clock_ms) + " ms within a run");
  }
  return ok();
}

void AnchorChain::tick(const Run& run, std::uint64_t clock_ms) {
  clock_run_ = run;
  clock_ms_ = clock_ms;
}

Result<AnchorChain::Applied> AnchorChain::apply_receipt(ByteView payload) {
  const Result<Receipt> receipt = decode_receipt(payload);
  if (!receipt) return receipt.error();
  if (!has_genesis_receipt_) return apply_genesis_receipt(*receipt);
  if (!open_) return Defect(Fault::receipt_unexpected, {}, "a receipt, but no statement is open");
  const Statement statement = open_->statement;
  const Place at = place_of(statement);
  if ((receipt->kind == ReceiptKind::quote) != statement.is_quote()) {
    return Defect(Fault::receipt_unexpected, at, "the receipt's kind does not fit its statement");
  }
  Result<VerifiedReceipt> verified =
      verify_receipt(*receipt, identity_, open_->digest, statement.counter, open_->extend_after);
  if (!verified) return Defect(verified.error().fault, at, verified.error().detail);
  if (const auto checked = verify_run(*verified); !checked) return checked.error();
  if (const auto checked = verify_clock(verified->run(), verified->clock_ms()); !checked) {
    return Defect(checked.error().fault, at, checked.error().detail);
  }
  if (verified->has_quote() && verified->pcr() != open_->fold_with) {
    return Defect(Fault::fold_mismatch, at, "the quoted P is not the fold of its run's statements");
  }
  tick(verified->run(), verified->clock_ms());
  const Hash digest = open_->digest;
  if (!statement.is_quote()) {
    seq_ = statement.seq;
    extend_ = open_->extend_after;
    prev_receipt_ = verified->receipt_hash();
    receipt_run_ = verified->run();
    if (statement.bundle == bundle_->hash) bundle_bound_ = true;
    after_final_ = (statement.flags & kFinalOfShutdown) != 0;
    if ((statement.flags & kForeignExtend) != 0) foreign_due_ = false;
  }
  close(statement, digest);
  newest_statement_ = statement;
  newest_digest_ = digest;
  Applied applied;
  applied.kind = EntryKind::receipt;
  applied.statement = statement;
  applied.receipt = std::move(*verified);
  return applied;
}

Result<AnchorChain::Applied> AnchorChain::apply_genesis_receipt(const Receipt& receipt) {
  if (receipt.kind != ReceiptKind::read_back || receipt.quote) {
    return Defect(Fault::receipt_unexpected, Place::anchor(0),
                  "the genesis receipt is a read-back without quote");
  }
  // c_0 is what it says; the trust file pins it.
  const std::uint64_t counter = receipt.audit->counter;
  Result<VerifiedReceipt> verified =
      verify_receipt(receipt, identity_, genesis_digest_, counter, extend_);
  if (!verified) return Defect(verified.error().fault, Place::anchor(0), verified.error().detail);
  has_genesis_receipt_ = true;
  first_counter_ = counter;
  prev_receipt_ = verified->receipt_hash();
  receipt_run_ = verified->run();
  tick(verified->run(), verified->clock_ms());
  Applied applied;
  applied.kind = EntryKind::receipt;
  applied.receipt = std::move(*verified);
  return applied;
}

Result<void> AnchorChain::verify_run(const VerifiedReceipt& receipt) const {
  const Run& run = open_->statement.run;
  const Place at = place_of(open_->statement);
  if (receipt.has_quote() && receipt.quote_run() != run) {
    return Defect(Fault::receipt_run, at, "quoted in another run than its statement's");
  }
  const bool same = receipt.run() == run;
  if (receipt.kind() == ReceiptKind::read_back && !receipt.has_quote()) {
    if (!same && !precedes(run, receipt.run())) {
      return Defect(Fault::receipt_run, at, "a read-back of a run before its statement's");
    }
    // Without it quote anchors could be cut unseen: nothing would show that P is the fold.
    if (same) {
      return Defect(Fault::value_out_of_range, at,
                    "a read-back of its statement's run has no quote of P");
    }
  } else if (!same) {
    return Defect(Fault::receipt_run, at, "a receipt of another run than its statement's");
  }
  return ok();
}

// The open statement becomes part of history: in the fold, and in the chain of statements.
void AnchorChain::close(const Statement& statement, const Hash& digest) {
  fold_ = open_->fold_with;
  chain_head_ = extended(chain_head_, digest);
  if (statement.run == bundle_->run) {
    run_has_statement_ = true;
    if (statement.is_quote()) quote_seq_ = statement.quote_seq;
  }
  open_.reset();
}

Result<AnchorChain::Applied> AnchorChain::apply_void(ByteView payload) {
  const Result<Voided> voided = decode_voided(payload);
  if (!voided) return voided.error();
  if (!open_ || open_->digest != voided->digest) {
    return Defect(Fault::receipt_unexpected, {}, "a void for no open statement");
  }
  const Statement statement = open_->statement;
  if (voided->reason == VoidReason::kept) {
    if (open_->in_pcr == OpenIntent::InPcr::absent) {
      return Defect(Fault::statement_mismatch, place_of(statement), "kept, but P does not hold it");
    }
    close(statement, open_->digest);
  } else {
    if (open_->in_pcr == OpenIntent::InPcr::proven) {
      return Defect(Fault::statement_mismatch, place_of(statement), "voided, but P holds it");
    }
    open_.reset();
  }
  Applied applied;
  applied.kind = EntryKind::voided;
  applied.statement = statement;
  applied.voided = *voided;
  return applied;
}

std::optional<Run> AnchorChain::run() const {
  return bundle_ ? std::optional<Run>(bundle_->run) : std::nullopt;
}

bool AnchorChain::needs_counter_anchor() const {
  return !bundle_bound_ || after_final_;
}

VoidReason AnchorChain::void_reason() const {
  ENSURE(open_);
  return open_->in_pcr == OpenIntent::InPcr::proven ? VoidReason::kept : VoidReason::run_changed;
}

std::uint64_t AnchorChain::tree_size() const {
  return newest_statement_ ? newest_statement_->tree.size : 0;
}

}  // namespace stele::attest
