// AnchorChain: the state that a journal's entries lead to; says what the next statement must be.
//
// One code for both sides: the daemon builds its next statement with it and checks its receipt with
// it (A7) before storing; the verifier replays a journal through it. Applies the rules of the anchor
// protocol on order, numbers, hashes, runs and the fold:
//   fold     what P must be: P_0 of the run's first bundle, extended in journal order by the d of every
//            statement that names that run
//   chain    seq, counter, quote_seq contiguous; chain_head, prev_extend, prev_receipt, bundle recomputed
//   runs     a full receipt lies in its statement's run; a read-back there or later
//   order    one open intent; the run's first statement is a counter anchor's (binds P_0); a run's
//            bundle before its first statement
// Not here: tree roots (the appraiser has the records), wall clock findings, Mode B rule.
//
// Thread safety: a value. Errors: apply() leaves the chain unchanged when it returns a defect.
// Trust: entries come from the host under judgement; the identity from the trust file.
#pragma once

#include <optional>
#include <vector>

#include "attest/bundle.h"
#include "attest/entry.h"
#include "attest/genesis.h"
#include "attest/receipt.h"
#include "attest/statement.h"

namespace stele::attest {

// An intent that no receipt or void has closed.
struct OpenIntent {
  Statement statement;
  Hash digest;          // d
  Hash fold_without;    // P before it was extended
  Hash fold_with;       // and after
  Hash extend_after;    // E_n if the NV_Extend happened
};

class AnchorChain {
 public:
  // identity: what signatures are checked against. Applies the genesis entry.
  static Result<AnchorChain> begin(ByteView genesis, TpmIdentity identity);

  // What an applied entry was, parsed and checked: for the appraiser's further rules.
  struct Applied {
    EntryKind kind;
    std::optional<Statement> statement;       // intent: itself; receipt, void: the one it closes
    std::optional<VerifiedReceipt> receipt;
    std::optional<VerifiedBundle> bundle;
    std::optional<Voided> voided;
    std::optional<Remark> remark;
    bool new_run = false;                     // a bundle that begins a run
  };
  Result<Applied> apply(EntryKind kind, ByteView payload);

  const Genesis& genesis() const;
  const Hash& log_id() const;
  const TpmIdentity& identity() const;
  bool has_genesis_receipt() const;
  std::uint64_t first_counter() const;        // c_0, from the genesis receipt
  std::uint64_t seq() const;                  // of the newest counter anchor closed by a receipt; 0: none
  std::uint64_t counter() const;              // c_0 + seq
  const Hash& extend() const;                 // E after it
  std::uint64_t quote_seq() const;            // newest in this run
  const std::optional<OpenIntent>& open_intent() const;
  const std::optional<VerifiedBundle>& bundle() const;   // newest
  std::optional<Run> run() const;             // of the newest bundle
  const Hash& fold() const;                   // P now, the open intent excluded
  bool needs_counter_anchor() const;          // no quote anchor until one: new bundle, foreign extend, after final
  std::uint64_t tree_size() const;            // of the newest statement with a receipt
  const std::optional<Statement>& newest_statement() const;  // with a receipt
  const Hash& newest_digest() const;                         // its d

  // The next statement. Preconditions (ENSURE): no open intent, a bundle, genesis receipt;
  // for a quote: !needs_counter_anchor(). kFirstOfRun and kAfterResume are set here.
  Statement next_counter(const TreeHead& tree, std::int64_t wallclock_ns, std::uint16_t flags) const;
  Statement next_quote(const TreeHead& tree, std::int64_t wallclock_ns) const;

 private:
  struct State;
  AnchorChain() = default;
  // (the implementer lays the state out here)
};

}  // namespace stele::attest
