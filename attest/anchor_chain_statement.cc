// The chain's rules for statements: what the next one must say, made and checked by the same code.
#include <algorithm>

#include "attest/anchor_chain.h"
#include "attest/check.h"

namespace stele::attest {
namespace {

// What a quote anchor's statement may say of itself.
constexpr std::uint16_t kQuoteFlags = kQuote;

}  // namespace

// The flags that follow from the chain alone.
std::uint16_t AnchorChain::due_flags() const {
  std::uint16_t flags = 0;
  if (!run_has_statement_) flags |= kFirstOfRun;
  if (!run_has_statement_ && resumed_) flags |= kAfterResume;
  if (foreign_due_) flags |= kForeignExtend;
  return flags;
}

Statement AnchorChain::next(const TreeHead& tree, std::int64_t wallclock_ns) const {
  ENSURE(!open_ && bundle_ && has_genesis_receipt_);
  Statement statement;
  statement.log_id = log_id_;
  statement.era = genesis_.era;
  statement.tree = tree;
  statement.chain_head = chain_head_;
  statement.prev_extend = extend_;
  statement.prev_receipt = prev_receipt_;
  statement.bundle = bundle_->hash;
  statement.wallclock_ns = wallclock_ns;
  statement.run = bundle_->run;
  return statement;
}

Statement AnchorChain::next_counter(const TreeHead& tree, std::int64_t wallclock_ns,
                                    std::uint16_t flags) const {
  ENSURE((flags & kQuote) == 0);
  Statement statement = next(tree, wallclock_ns);
  statement.flags = static_cast<std::uint16_t>(flags | due_flags());
  statement.seq = seq_ + 1;
  statement.counter = counter() + 1;
  return statement;
}

Statement AnchorChain::next_quote(const TreeHead& tree, std::int64_t wallclock_ns) const {
  ENSURE(!needs_counter_anchor());
  Statement statement = next(tree, wallclock_ns);
  statement.flags = kQuoteFlags;
  statement.seq = seq_;
  statement.quote_seq = quote_seq_ + 1;
  statement.counter = counter();
  return statement;
}

// Place in the order of anchors: numbers without gaps, flags that fit, quotes only where P is
// bound.
Result<void> AnchorChain::verify_order(const Statement& statement) const {
  const auto refuse = [&](Fault fault, std::string why) {
    return Defect(fault, Place::anchor(statement.seq), std::move(why));
  };
  if (statement.is_quote()) {
    if (needs_counter_anchor())
      return refuse(Fault::statement_mismatch, "a quote anchor before its run's counter anchor");
    if (statement.flags != kQuoteFlags)
      return refuse(Fault::statement_mismatch, "flags of a quote anchor");
    if (statement.seq != seq_)
      return refuse(Fault::statement_gap, "seq is not the newest counter anchor's");
    if (statement.quote_seq != quote_seq_ + 1) {
      return refuse(Fault::statement_gap, "quote_seq " + std::to_string(statement.quote_seq) +
                                              " follows " + std::to_string(quote_seq_));
    }
    if (statement.counter != counter())
      return refuse(Fault::counter_mismatch, "counter is not the newest anchor's");
    return ok();
  }
  if (statement.seq != seq_ + 1) {
    return refuse(Fault::statement_gap,
                  "seq " + std::to_string(statement.seq) + " follows " + std::to_string(seq_));
  }
  if (statement.counter != counter() + 1) {
    return refuse(Fault::counter_mismatch, "the counter is not one above the anchor before");
  }
  const std::uint16_t due = due_flags();
  constexpr std::uint16_t kExact = kFirstOfRun | kForeignExtend;
  if ((statement.flags & kExact) != (due & kExact) || (statement.flags & due) != due) {
    return refuse(Fault::statement_mismatch, "flags do not fit the run");
  }
  return ok();
}

Result<void> AnchorChain::verify_statement(const Statement& statement) const {
  const auto refuse = [&](Fault fault, const char* why) {
    return Defect(fault, Place::anchor(statement.seq), why);
  };
  if (open_) return refuse(Fault::statement_mismatch, "a statement while another is open");
  if (!has_genesis_receipt_)
    return refuse(Fault::statement_mismatch, "a statement before the genesis receipt");
  if (!bundle_) return refuse(Fault::bundle_mismatch, "a statement before any boot bundle");
  if (statement.log_id != log_id_ || statement.era != genesis_.era) {
    return refuse(Fault::statement_mismatch, "a statement of another log");
  }
  if (const auto checked = verify_order(statement); !checked) return checked;
  if (statement.bundle != bundle_->hash) {
    return refuse(Fault::bundle_mismatch, "it names another boot bundle than the newest");
  }
  if (statement.run != bundle_->run)
    return refuse(Fault::statement_mismatch, "its run is not its bundle's");
  if (precedes(statement.run, receipt_run_)) {
    return refuse(Fault::receipt_run, "the receipt before it lies in a later run");
  }
  if (statement.prev_extend != extend_) {
    return refuse(Fault::extend_mismatch,
                  "prev_extend is not what the statements before extend E to");
  }
  if (statement.prev_receipt != prev_receipt_) {
    return refuse(Fault::statement_mismatch, "prev_receipt is not the receipt before");
  }
  if (statement.chain_head != chain_head_) {
    // Each statement before was found good by itself: one is missing, or was never there.
    return refuse(Fault::statement_gap, "chain_head is not the chain of the statements before");
  }
  if (statement.tree.size < largest_tree_)
    return refuse(Fault::statement_mismatch, "the tree shrank");
  return ok();
}

Result<AnchorChain::Applied> AnchorChain::apply_intent(ByteView payload) {
  const Result<Statement> statement = decode_statement(payload);
  if (!statement) return statement.error();
  if (const auto checked = verify_statement(*statement); !checked) return checked.error();
  OpenIntent open;
  open.statement = *statement;
  open.digest = statement_digest(payload);
  open.fold_without = fold_;
  open.fold_with = extended(fold_, open.digest);
  open.extend_after = extended(extend_, open.digest);
  open_ = open;
  largest_tree_ = std::max(largest_tree_, statement->tree.size);
  Applied applied;
  applied.kind = EntryKind::intent;
  applied.statement = *statement;
  return applied;
}

}  // namespace stele::attest
