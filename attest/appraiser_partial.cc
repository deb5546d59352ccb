// Partial evidence: what begins behind a remembered statement, and what leaves records out.
#include <algorithm>

#include "attest/appraiser_state.h"
#include "attest/check.h"

namespace stele::attest {

void Appraiser::begin_behind(const Hash& log_id, const Hash& digest, CompactRange tree) {
  State& s = *state_;
  ENSURE(!s.begun && s.tree.size() == 0);
  s.begun = true;
  s.tree = std::move(tree);
  s.agreed = s.largest_stated = s.begins_at = s.tree.size();
  s.begin_behind(log_id, digest);
  // A record's source is of its own era.
  s.sources.skip(std::min(s.era_begins.value_or(0), s.tree.size()), s.tree.size());
  if (s.answer && s.chain()) s.answer->anchored(*s.chain(), s.options.memory->clock_ms);
  if (!s.stopped) s.judge_witnessed_head();
}

// Of what the host says about the start nothing is believed: either it is what is remembered, or
// there is no start.
void Appraiser::State::begin_behind(const Hash& log_id, const Hash& digest) {
  era->log_id = log_id;
  if (!options.trust) {
    out.log_id = log_id;
    era->claims.emplace(log_id, true);
    return;
  }
  if (!options.memory || options.memory->log_id != log_id || options.memory->digest != digest) {
    return stop({Fault::start_unknown,
                 {},
                 options.memory
                     ? "it begins behind another statement than the one remembered"
                     : "it begins behind a statement, and this verifier remembers none"});
  }
  const Memory& memory = *options.memory;
  if (tree.head() != memory.tree) {
    return stop({Fault::tree_node_mismatch, Place::anchor(memory.seq),
                 "it begins with other records than those of the statement remembered"});
  }
  const TrustPins* const pins = find_pins(log_id);
  if (pins == nullptr) {
    return stop({Fault::genesis_mismatch,
                 {},
                 "the statement remembered is of a log that the trust file does not pin"});
  }
  resume_era(*pins, memory);
}

void Appraiser::State::resume_era(const TrustPins& pins, const Memory& memory) {
  era = std::make_unique<JudgedEra>(pins, draft, out);
  era->log_id = memory.log_id;
  // find_pins() has counted the eras after this one; what went on into it, its genesis names.
  if (eras_to_come < trust.earlier.size()) era_begins = trust.earlier[eras_to_come].size;
  Result<TpmIdentity> identity = pins.identity();
  if (!identity) return stop(identity.error());
  Genesis genesis;
  genesis.mode = pins.mode;
  genesis.pcr = pins.pcr;
  genesis.era = pins.era;
  genesis.ak_name = identity->ak.name();
  genesis.counter_name = pins.counter_name;
  genesis.extend_name = pins.extend_name;
  genesis.origin = pins.origin;
  era->chain.emplace(
      AnchorChain::resume(memory, std::move(genesis), pins.first_counter, std::move(*identity)));
  era->resumed = true;
  era->newest = memory;
  if (held) held->begins_behind(memory.log_id, memory.seq, memory.digest);
  era->runs.resume(memory);
  era->times.resume(memory);
  era->foreign.resume(memory);
  // In Mode B nothing is known of the receipts before: the memory itself is what makes them final.
  if (pins.mode == Mode::a && memory.seq > 0)
    era->finality.counter_anchor(memory.seq, memory.counter_size, ReceiptKind::full);
  remembered = true;
  counter_size = memory.counter_size;
  quote_size = memory.quote_seq > 0 ? memory.tree.size : 0;
  out.newest_anchor_ns = memory.wallclock_ns;
  out.newest_seq = memory.seq;
}

void Appraiser::elided(std::uint64_t end, std::span<const Hash> roots) {
  State& s = *state_;
  const std::uint64_t begin = s.tree.size();
  const std::vector<NodeId> nodes = range_nodes(begin, end);
  ENSURE(begin < end && nodes.size() == roots.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    s.tree.append_subtree(nodes[i].level, roots[i]);
    s.judge_witnessed_head();
  }
  s.sources.skip(begin, end);
  s.era->times.elided();
}

void Appraiser::earlier(std::uint64_t index, const CheckedRecord& checked,
                        const InclusionProof& path) {
  State& s = *state_;
  const Place at = Place::index(index);
  if (checked.defect) s.draft.defect(*checked.defect);
  const Result<void> included = verify_inclusion(index, checked.leaf_hash, s.tree.head(), path);
  if (!included) {
    s.draft.defect({included.error().fault, at, included.error().detail});
    return;
  }
  const bool is_source = !checked.defect && checked.leaf.kind == Kind::source;
  if (index >= s.era_begins.value_or(0)) s.sources.show(s.tree.size(), index, is_source);
}

}  // namespace stele::attest
