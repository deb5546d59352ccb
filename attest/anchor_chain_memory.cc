// The chain's state behind a receipt, as a verifier remembers it, and going on from there.
#include "attest/anchor_chain.h"
#include "attest/check.h"

namespace stele::attest {

Memory AnchorChain::memory() const {
  ENSURE(newest_statement_ && !open_ && bundle_);
  const Statement& newest = *newest_statement_;
  Memory memory;
  memory.log_id = log_id_;
  memory.seq = newest.seq;
  memory.quote_seq = newest.quote_seq;
  memory.run = newest.run;
  memory.extend = extend_;
  memory.digest = newest_digest_;
  memory.tree = newest.tree;
  memory.chain_head = chain_head_;
  memory.prev_receipt = prev_receipt_;
  memory.receipt_run = receipt_run_;
  memory.fold = fold_;
  memory.run_quotes = quote_seq_;
  memory.bundle = *bundle_;
  memory.clock_run = clock_run_;
  memory.clock_ms = clock_ms_;
  memory.wallclock_ns = newest.wallclock_ns;
  const auto bit = [&memory](bool holds, std::uint8_t which) {
    if (holds) memory.state = static_cast<std::uint8_t>(memory.state | which);
  };
  bit(bundle_bound_, Memory::kBundleBound);
  bit(run_has_statement_, Memory::kRunBegun);
  bit(resumed_, Memory::kResumed);
  bit(after_final_, Memory::kFinal);
  bit(foreign_noted_, Memory::kForeignNoted);
  bit(foreign_due_, Memory::kForeignDue);
  return memory;
}

AnchorChain AnchorChain::resume(const Memory& memory, Genesis genesis, std::uint64_t first_counter,
                                TpmIdentity identity) {
  AnchorChain chain(std::move(genesis), memory.log_id, std::move(identity));
  chain.has_genesis_receipt_ = true;
  chain.first_counter_ = first_counter;
  chain.seq_ = memory.seq;
  chain.quote_seq_ = memory.run_quotes;
  chain.extend_ = memory.extend;
  chain.prev_receipt_ = memory.prev_receipt;
  chain.receipt_run_ = memory.receipt_run;
  chain.chain_head_ = memory.chain_head;
  chain.fold_ = memory.fold;
  chain.bundle_ = memory.bundle;
  const auto bit = [&memory](std::uint8_t which) { return (memory.state & which) != 0; };
  chain.bundle_bound_ = bit(Memory::kBundleBound);
  chain.run_has_statement_ = bit(Memory::kRunBegun);
  chain.resumed_ = bit(Memory::kResumed);
  chain.after_final_ = bit(Memory::kFinal);
  chain.foreign_noted_ = bit(Memory::kForeignNoted);
  chain.foreign_due_ = bit(Memory::kForeignDue);
  chain.largest_tree_ = memory.tree.size;
  chain.tick(memory.clock_run, memory.clock_ms);
  // As much of the remembered statement as anybody asks for.
  Statement newest;
  newest.flags = memory.quote_seq > 0 ? kQuote : std::uint16_t{0};
  newest.log_id = memory.log_id;
  newest.era = chain.genesis_.era;
  newest.seq = memory.seq;
  newest.quote_seq = memory.quote_seq;
  newest.counter = chain.counter();
  newest.tree = memory.tree;
  newest.bundle = memory.bundle.hash;
  newest.wallclock_ns = memory.wallclock_ns;
  newest.run = memory.run;
  chain.newest_statement_ = newest;
  chain.newest_digest_ = memory.digest;
  return chain;
}

}  // namespace stele::attest
