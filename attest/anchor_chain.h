// AnchorChain: the state that a journal's entries lead to; says what the next statement must be.
//
// One code for both sides: the daemon builds its next statement with it and checks its receipt with
// it (A7) before storing; the verifier replays a journal through it. Applies the rules of the
// anchor protocol on order, numbers, hashes, runs and the fold:
//   fold     what P must be: P_0 of the run's first bundle, extended in journal order by the d of
//   every
//            statement that names that run
//   chain    seq, counter, quote_seq contiguous; chain_head, prev_extend, prev_receipt, bundle
//   recomputed runs     a full receipt lies in its statement's run; a read-back there or later
//   order    one open intent; the run's first statement is a counter anchor's (binds P_0); a run's
//            bundle before its first statement
//   clock    the TPM's clock never falls within a run
// Not here: tree roots (the appraiser has the records), wall clock findings, Mode B rule, the
// pinned c_0. A bundle's P is the fold, or the fold with the open intent, or 0 or H(0 ‖ open d)
// after a Restart, or anything after a Reset; anything else is fold_mismatch, unless a
// foreign_extend remark stands between the last bundle and this one: then its P is the new base,
// and the next new counter anchor is flagged.
//
// Thread safety: a value. Errors: apply() leaves the chain unchanged when it returns a defect.
// Trust: entries come from the host under judgement; the identity from the trust file.
#pragma once

#include <optional>
#include <vector>

#include "attest/bundle.h"
#include "attest/entry.h"
#include "attest/genesis.h"
#include "attest/memory.h"
#include "attest/receipt.h"
#include "attest/statement.h"

namespace stele::attest {

// Whether a run comes before another: differences modulo 2^32, the smaller half is forward.
bool precedes(const Run& earlier, const Run& later);

// An intent that no receipt or void has closed.
struct OpenIntent {
  Statement statement;
  Hash digest;        // d
  Hash fold_without;  // P before it was extended
  Hash fold_with;     // and after; the same once P cannot come to hold d any more (see in_pcr)
  Hash extend_after;  // E_n if the NV_Extend happened
  // Whether P holds d, as far as bundles have shown since: absent also when P was cleared or taken
  // over.
  enum class InPcr : std::uint8_t { open, proven, absent } in_pcr = InPcr::open;
};

class AnchorChain {
 public:
  // identity: what signatures are checked against. Applies the genesis entry.
  // Faults: of decode_genesis, signer_mismatch, index_mismatch.
  static Result<AnchorChain> begin(ByteView genesis, TpmIdentity identity);

  // Goes on behind a statement that this verifier remembers, with the facts of its genesis.
  static AnchorChain resume(const Memory& memory, Genesis genesis, std::uint64_t first_counter,
                            TpmIdentity identity);
  // What to remember of the newest receipt. Precondition: the newest entry applied was one.
  Memory memory() const;

  // What an applied entry was, parsed and checked: for the appraiser's further rules.
  struct Applied {
    EntryKind kind = EntryKind::remark;
    std::optional<Statement> statement;  // intent: itself; receipt, void: the one it closes
    std::optional<VerifiedReceipt> receipt;
    std::optional<VerifiedBundle> bundle;
    std::optional<Voided> voided;
    std::optional<Remark> remark;
    bool new_run = false;  // a bundle that begins a run
    bool resumed = false;  // ... by a Resume: P was kept
    bool foreign = false;  // a bundle whose P is a new base in a run going on
  };
  Result<Applied> apply(EntryKind kind, ByteView payload);

  const Genesis& genesis() const { return genesis_; }
  const Hash& log_id() const { return log_id_; }
  const TpmIdentity& identity() const { return identity_; }
  bool has_genesis_receipt() const { return has_genesis_receipt_; }
  std::uint64_t first_counter() const { return first_counter_; }  // c_0, from the genesis receipt
  std::uint64_t seq() const {
    return seq_;
  }  // of the newest counter anchor closed by a receipt; 0: none
  std::uint64_t counter() const { return first_counter_ + seq_; }  // c_0 + seq
  const Hash& extend() const { return extend_; }                   // E after it
  std::uint64_t quote_seq() const { return quote_seq_; }           // newest in this run
  const std::optional<OpenIntent>& open_intent() const { return open_; }
  const std::optional<MemoryBundle>& bundle() const { return bundle_; }  // newest
  std::optional<Run> run() const;                                          // of the newest bundle
  const Hash& fold() const { return fold_; }  // P now, the open intent excluded
  bool needs_counter_anchor()
      const;  // no quote anchor until one: new bundle, foreign extend, after final
  // With which reason the open intent is voided (kept if P holds its d). Precondition: there is
  // one.
  VoidReason void_reason() const;
  std::uint64_t tree_size() const;  // of the newest statement with a receipt
  const std::optional<Statement>& newest_statement() const {
    return newest_statement_;
  }                                                             // with a receipt
  const Hash& newest_digest() const { return newest_digest_; }  // its d

  // The next statement. Preconditions (ENSURE): no open intent, a bundle, genesis receipt;
  // for a quote: !needs_counter_anchor(). kFirstOfRun, kAfterResume and kForeignExtend are set
  // here.
  Statement next_counter(const TreeHead& tree, std::int64_t wallclock_ns,
                         std::uint16_t flags) const;
  Statement next_quote(const TreeHead& tree, std::int64_t wallclock_ns) const;

 private:
  AnchorChain(Genesis genesis, ByteView encoded, TpmIdentity identity);
  AnchorChain(Genesis genesis, const Hash& log_id, TpmIdentity identity);
  Result<Applied> apply_bundle(ByteView payload);
  Result<Applied> apply_intent(ByteView payload);
  Result<Applied> apply_receipt(ByteView payload);
  Result<Applied> apply_genesis_receipt(const Receipt& receipt);
  Result<Applied> apply_void(ByteView payload);
  Result<Applied> apply_remark(ByteView payload);
  // What a bundle's P says about the run and the fold so far.
  enum class Base { same_fold, fold_with_open, cleared, foreign, unexplained };
  Base judge_base(const VerifiedBundle& bundle) const;
  void rebase(Base base, const VerifiedBundle& bundle);
  Result<void> verify_indexes(const VerifiedBundle& bundle) const;
  Result<void> verify_run(const VerifiedReceipt& receipt) const;
  Result<void> verify_clock(const Run& run, std::uint64_t clock_ms) const;
  Result<void> verify_statement(const Statement& statement) const;
  Result<void> verify_order(const Statement& statement) const;
  Statement next(const TreeHead& tree, std::int64_t wallclock_ns) const;
  std::uint16_t due_flags() const;
  void close(const Statement& statement, const Hash& digest);
  void tick(const Run& run, std::uint64_t clock_ms);

  Genesis genesis_;
  Hash log_id_, genesis_digest_;
  TpmIdentity identity_;
  bool has_genesis_receipt_ = false;
  std::uint64_t first_counter_ = 0, seq_ = 0, quote_seq_ = 0;
  Hash extend_;
  Hash prev_receipt_;  // receipt_hash of the newest counter receipt
  Run receipt_run_;    // the run it lies in
  Hash chain_head_;    // what the next statement must name
  Hash fold_;
  std::optional<OpenIntent> open_;
  std::optional<MemoryBundle> bundle_;
  bool bundle_bound_ = false;       // a counter anchor with a receipt names the newest bundle
  bool run_has_statement_ = false;  // of the newest bundle's run
  bool resumed_ = false;            // that run began by a Resume
  bool after_final_ = false;
  bool foreign_noted_ = false;      // a remark said so; the bundle with the new base is to come
  bool foreign_due_ = false;        // the next counter anchor must carry kForeignExtend
  std::uint64_t largest_tree_ = 0;  // of any statement
  Run clock_run_;
  std::uint64_t clock_ms_ = 0;  // highest seen in clock_run_
  std::optional<Statement> newest_statement_;
  Hash newest_digest_;
};

}  // namespace stele::attest
