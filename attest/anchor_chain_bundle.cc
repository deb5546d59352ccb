// The chain's rules for boot bundles: what a new quote of P says about the run and the fold.
#include "attest/anchor_chain.h"
#include "attest/check.h"

namespace stele::attest {

// C and E as the daemon read them before it recovered: as the newest receipt says, or as the open
// intent may have left them.
Result<void> AnchorChain::verify_indexes(const VerifiedBundle& bundle) const {
  const bool may_have_moved = open_ && !open_->statement.is_quote();
  const bool same_counter = bundle.counter() == counter();
  const bool moved_counter = may_have_moved && bundle.counter() == open_->statement.counter;
  if (!same_counter && !moved_counter) {
    return Defect(Fault::counter_mismatch, {},
                  "at a daemon start C was " + std::to_string(bundle.counter()) +
                      ", the journal leads to " + std::to_string(counter()));
  }
  const bool same_extend = bundle.extend() == extend_;
  const bool moved_extend = moved_counter && bundle.extend() == open_->extend_after;
  if (!same_extend && !moved_extend) {
    return Defect(Fault::extend_mismatch, {},
                  "at a daemon start E was not what the journal leads to");
  }
  return ok();
}

AnchorChain::Base AnchorChain::judge_base(const VerifiedBundle& bundle) const {
  const Hash& p = bundle.pcr();
  if (!bundle_ || bundle.run().reset != bundle_->run.reset) return Base::cleared;
  if (p == fold_) return Base::same_fold;
  if (open_ && p == open_->fold_with) return Base::fold_with_open;
  if (bundle.run() != bundle_->run) {
    // A Restart clears P; the daemon may have extended it before it noticed.
    if (p == Hash{} || (open_ && p == extended(Hash{}, open_->digest))) return Base::cleared;
  }
  return foreign_noted_ ? Base::foreign : Base::unexplained;
}

void AnchorChain::rebase(Base base, const VerifiedBundle& bundle) {
  const bool new_run = !bundle_ || bundle.run() != bundle_->run;
  const auto leave_out_open = [this] {
    if (!open_) return;
    open_->fold_without = open_->fold_with = fold_;
    open_->in_pcr = OpenIntent::InPcr::absent;
  };
  switch (base) {
    case Base::same_fold:
      if (new_run) leave_out_open();
      break;
    case Base::fold_with_open:
      open_->in_pcr = OpenIntent::InPcr::proven;
      break;
    case Base::cleared:
      fold_ = bundle.pcr();
      leave_out_open();
      break;
    case Base::foreign: {
      fold_ = bundle.pcr();
      leave_out_open();
      // A counter anchor under way is finished on the new base: its d is extended again.
      const bool finished_here =
          open_ && !open_->statement.is_quote() && open_->statement.run == bundle.run();
      if (finished_here) open_->fold_with = extended(fold_, open_->digest);
      foreign_due_ = true;
      break;
    }
    case Base::unexplained:
      ENSURE(false);
  }
  foreign_noted_ = false;
}

Result<AnchorChain::Applied> AnchorChain::apply_bundle(ByteView payload) {
  if (!has_genesis_receipt_) {
    return Defect(Fault::bundle_mismatch, {}, "a boot bundle before the genesis receipt");
  }
  Result<VerifiedBundle> bundle = verify_bundle(payload, identity_);
  if (!bundle) return bundle.error();
  const Run before = bundle_ ? bundle_->run : receipt_run_;
  if (bundle->run() != before && !precedes(before, bundle->run())) {
    return Defect(Fault::run_mismatch, {}, "the TPM's reset and restart counts went back");
  }
  if (const auto checked = verify_indexes(*bundle); !checked) return checked.error();
  if (const auto checked = verify_clock(bundle->run(), bundle->clock_ms()); !checked)
    return checked.error();
  const Base base = judge_base(*bundle);
  if (base == Base::unexplained) {
    return Defect(Fault::fold_mismatch, {},
                  "at a daemon start P was not the fold of its run's statements");
  }
  Applied applied;
  applied.kind = EntryKind::bundle;
  applied.new_run = !bundle_ || bundle->run() != bundle_->run;
  applied.resumed = bundle_ && applied.new_run && base != Base::cleared;
  applied.foreign = base == Base::foreign;
  rebase(base, *bundle);
  tick(bundle->run(), bundle->clock_ms());
  if (applied.new_run) {
    run_has_statement_ = false;
    quote_seq_ = 0;
    resumed_ = applied.resumed;
  }
  bundle_bound_ = false;
  bundle_ = MemoryBundle{bundle->hash(), bundle->boot_id(), bundle->run()};
  applied.bundle = std::move(*bundle);
  return applied;
}

}  // namespace stele::attest
