#include "attest/appraiser.h"

#include <algorithm>

#include "attest/appraiser_state.h"
#include "attest/check.h"

namespace stele::attest {
namespace {

constexpr auto kLastKnownKind = static_cast<std::uint8_t>(Kind::witness);
constexpr auto kLastKnownEntry = static_cast<std::uint8_t>(EntryKind::remark);

}  // namespace

Appraiser::State::State(Options given, Presented what)
    : options(std::move(given)),
      trust(options.trust.value_or(TrustFile{})),
      era(std::make_unique<JudgedEra>(trust, draft, out)) {
  out.what = what;
  if (!options.trust) {
    draft.defect({Fault::no_trust_file, {},
                  options.trust_unsigned
                      ? "the trust file inside is not signed by the auditor's key that was given: "
                        "only the evidence's own consistency was checked"
                      : "only the evidence's own consistency was checked"});
    return;
  }
  describe(trust, options.eras_approved, out);
  if (options.policy) witnesses.emplace(*options.policy, trust.origin, what);
}

void Appraiser::State::stop(Defect defect) {
  if (defect.at.what == Place::What::nothing || defect.at.what == Place::What::byte) {
    defect.at = Place::entry(entries);
  }
  draft.defect(std::move(defect));
  stopped = true;
}

void Appraiser::State::claim(EntryKind kind, ByteView payload) {
  const auto statement = era->claims->apply(kind, payload);
  if (!statement) return stop(statement.error());
  if (*statement) judge_tree(**statement);
}

void Appraiser::State::apply(EntryKind kind, ByteView payload, const BootLogs& logs) {
  std::optional<AnchorChain>& chain = era->chain;
  const bool had_open_intent = chain->open_intent().has_value();
  const std::optional<Hash> open =
      had_open_intent ? std::optional<Hash>(chain->open_intent()->digest) : std::nullopt;
  const bool had_genesis_receipt = chain->has_genesis_receipt();
  const Result<AnchorChain::Applied> entry = chain->apply(kind, payload);
  if (!entry) return stop(entry.error());
  if (entry->bundle) era->boots.bundle(*entry->bundle, payload, logs, Place::entry(entries));
  if (kind == EntryKind::receipt && !had_genesis_receipt) {
    era->receipt_verified = true;
    era->runs.genesis_receipt(*entry->receipt);
    if (chain->first_counter() != era->pins.first_counter) {
      stop({Fault::counter_mismatch, Place::anchor(0),
            "c_0 is not the one that the trust file pins"});
    }
    const Run base{era->pins.base_reset, era->pins.base_restart};
    if (precedes(entry->receipt->run(), base)) {
      stop({Fault::run_mismatch, Place::anchor(0),
            "the genesis receipt lies before the run that the trust file pins"});
    }
    return;
  }
  applied(*entry, had_open_intent);
  if (entry->voided && entry->voided->reason == VoidReason::kept) {
    era->runs.kept(*entry->statement);
    remember(*entry->statement, *open);
  }
}

void Appraiser::State::applied(const AnchorChain::Applied& entry, bool had_open_intent) {
  switch (entry.kind) {
    case EntryKind::bundle:
      era->runs.bundle(entry, had_open_intent);
      era->foreign.bundle(entry, had_open_intent);
      era->times.bundle(entry.new_run, had_open_intent);
      // What only P held is gone with P.
      if ((entry.new_run && !entry.resumed) || entry.foreign) {
        quote_size = 0;
        era->times.quotes_lost();
      }
      break;
    case EntryKind::intent:
      era->times.intent();
      judge_tree(*entry.statement);
      break;
    case EntryKind::receipt:
      applied_receipt(entry);
      break;
    case EntryKind::remark:
      era->times.remark(*entry.remark);
      draft.finding(Finding::journal_remark, Place::entry(entries), entry.remark->text);
      break;
    case EntryKind::voided:
      era->foreign.voided();
      break;
    case EntryKind::genesis:
      break;
  }
}

void Appraiser::State::applied_receipt(const AnchorChain::Applied& entry) {
  const Statement& statement = *entry.statement;
  era->runs.receipt(statement, *entry.receipt);
  era->times.receipt(statement, *entry.receipt);
  era->boots.receipt(statement);
  era->foreign.receipt(statement, *entry.receipt, chain()->newest_digest());
  ++(statement.is_quote() ? out.quote_anchors : out.counter_anchors);
  if (!statement.is_quote()) ++era->counter_anchors;
  out.newest_anchor_ns = statement.wallclock_ns;
  out.newest_seq = statement.seq;
  era->receipt_verified = true;
  if (open_tree_fits) tail_since_ns.reset();
  if (open_tree_fits) (statement.is_quote() ? quote_size : counter_size) = statement.tree.size;
  if (open_tree_fits && !statement.is_quote()) {
    era->finality.counter_anchor(statement.seq, statement.tree.size, entry.receipt->kind());
  }
  remember(statement, chain()->newest_digest());
  if (held) held->anchored(statement, chain()->newest_digest());
  era->newest = chain()->memory();
  era->newest->counter_size = std::min(counter_size, statement.tree.size);
  if (era->runs.ends_cleanly()) era->newest->state |= Memory::kCleanEnd;
  if (answer) answer->anchored(*chain(), entry.receipt->clock_ms());
}

void Appraiser::State::remember(const Statement& statement, const Hash& digest) {
  if (!options.memory) return;
  const Memory& memory = *options.memory;
  if (memory.digest == digest && memory.tree == statement.tree && memory.seq == statement.seq &&
      memory.quote_seq == statement.quote_seq && memory.run == statement.run) {
    remembered = true;
  }
}

void Appraiser::State::judge_tree(const Statement& statement) {
  const std::string anchor =
      "anchor " + std::to_string(statement.seq) +
      (statement.is_quote() ? " (quote " + std::to_string(statement.quote_seq) + ")" : "");
  open_tree_fits = judge_head(statement.tree, anchor, Place::anchor(statement.seq));
}

// Whether the records so far are those that `who` commits to. Said once: later heads cannot fit
// either.
bool Appraiser::State::judge_head(const TreeHead& stated, const std::string& who, Place at) {
  largest_stated = std::max(largest_stated, stated.size);
  if (tree_broken) return false;
  if (stated.size > tree.size()) {
    if (!records_unread) {
      draft.defect({Fault::records_missing, Place::index(tree.size()),
                    who + " covers " + std::to_string(stated.size) + " records, " +
                        std::to_string(tree.size()) + " are there"});
    }
    tree_broken = true;
  } else if (stated.size < tree.size()) {
    draft.defect({Fault::statement_mismatch, at, "it covers fewer records than stand before it"});
    tree_broken = true;
  } else if (tree.head().root != stated.root) {
    const bool single = tree.size() - agreed == 1;
    draft.defect({Fault::tree_root_mismatch, single ? Place::index(agreed) : at,
                  "records [" + std::to_string(agreed) + ", " + std::to_string(tree.size()) +
                      ") are not those that " + who + " commits to"});
    tree_broken = true;
  } else {
    agreed = tree.size();
  }
  return !tree_broken;
}

void Appraiser::State::record(std::uint64_t index, const CheckedRecord& record) {
  const Place at = Place::index(index);
  const Leaf& leaf = record.leaf;
  const bool decoded = !record.defect || (record.defect->fault != Fault::leaf_malformed &&
                                          record.defect->fault != Fault::leaf_version_unknown);
  if (record.defect) draft.defect(*record.defect);
  if (decoded) {
    if (leaf.source != kNoSource && sources.may_name_unseen(index, leaf.source)) {
      draft.defect({Fault::records_missing, Place::index(leaf.source),
                    "record " + std::to_string(index) +
                        " names it as its source, and it is not in the bundle"});
    } else if (leaf.source != kNoSource && !sources.may_name(index, leaf.source)) {
      draft.defect(
          {Fault::source_invalid, at,
           "its source, " + std::to_string(leaf.source) + ", is no source record before it"});
    }
    const auto kind = static_cast<std::uint8_t>(leaf.kind);
    if (kind > kLastKnownKind && kind < kFirstUnknownCriticalKind) {
      draft.finding(Finding::kind_opaque, at, "record kind " + std::to_string(kind));
    }
    era->times.record(index, record);
  }
  judge_genesis_record(index, record, decoded);
  out.coverage.lost += std::min(record.lost, ~out.coverage.lost);  // never wraps
  sources.add(index, decoded && leaf.kind == Kind::source);
}

// Where records are taken or left out one part at a time.
void Appraiser::State::judge_witnessed_head() {
  if (witnesses && witnesses->needs(tree.size())) witnesses->head(tree.head(), draft);
}

Appraiser::Appraiser(Options options, Presented what)
    : state_(std::make_unique<State>(std::move(options), what)) {}
Appraiser::~Appraiser() = default;
Appraiser::Appraiser(Appraiser&&) noexcept = default;

void Appraiser::entry(std::uint8_t kind, ByteView payload, const BootLogs& logs) {
  State& s = *state_;
  if (!s.stopped && !s.beyond) {
    if (!s.begun) {
      s.begun = true;
      s.begin(kind, payload);
    } else if (kind == static_cast<std::uint8_t>(EntryKind::genesis)) {
      s.next_era(payload);
    } else if (kind >= kFirstUnknownCriticalKind) {
      s.draft.defect({Fault::kind_unknown, Place::entry(s.entries),
                      "journal entry kind " + std::to_string(kind)});
    } else if (kind >= 1 && kind <= kLastKnownEntry) {
      s.options.trust ? s.apply(static_cast<EntryKind>(kind), payload, logs)
                      : s.claim(static_cast<EntryKind>(kind), payload);
    }
  }
  ++s.entries;
}

void Appraiser::records(std::span<const CheckedRecord> checked) {
  std::optional<WitnessRules>& witnesses = state_->witnesses;
  std::vector<Hash> leaves;
  leaves.reserve(checked.size());
  std::uint64_t index = state_->tree.size();
  auto witnessed = witnesses ? witnesses->next_size(index) : std::nullopt;
  for (const CheckedRecord& record : checked) {
    state_->record(index++, record);
    leaves.push_back(record.leaf_hash);
    if (index != witnessed) continue;
    state_->tree.append_many(leaves);
    leaves.clear();
    witnesses->head(state_->tree.head(), state_->draft);
    witnessed = witnesses->next_size(index);
  }
  state_->tree.append_many(leaves);
}

std::uint64_t Appraiser::size() const {
  return state_->tree.size();
}
const CompactRange& Appraiser::tree() const {
  return state_->tree;
}
void Appraiser::damaged(Defect defect) {
  if (outcome_of(defect.fault) == Outcome::unknown) {
    state_->records_unread |= defect.at.what == Place::What::segment;
    state_->journal_unread |= defect.at.what == Place::What::entry;
  }
  state_->draft.defect(std::move(defect));
}
void Appraiser::torn_group(std::uint64_t first_index) {
  state_->torn_group = first_index;
}
void Appraiser::torn_entry(std::uint64_t number) {
  state_->torn_entry = number;
}

void Appraiser::cosignatures(std::string_view text) {
  State& s = *state_;
  if (!s.witnesses || text.empty()) return;
  const auto heads = parse_cosigned_heads(text);
  if (!heads) {
    s.draft.finding(Finding::cosignature_invalid, heads.error().at,
                    "the cosignatures cannot be read: " + heads.error().detail);
    return;
  }
  for (const CosignedHead& head : *heads) s.witnesses->take(head, s.draft);
}

void Appraiser::held_receipt(std::string_view line, std::uint64_t number) {
  State& s = *state_;
  if (!s.options.trust) return;
  if (!s.held) s.held.emplace(s.trust);
  s.held->take(line, number, s.draft);
}

void Appraiser::answer(ByteView bytes) {
  State& s = *state_;
  if (bytes.empty()) return;  // what is left behind `>` where the host gave none
  s.answer_given = true;
  Result<Answer> decoded = decode_answer(bytes);
  if (!decoded) {
    const bool newer = decoded.error().fault == Fault::version_unknown;
    s.draft.defect({newer ? Fault::answer_missing : Fault::answer_mismatch,
                    {},
                    "the answer cannot be read: " + decoded.error().detail});
    return;
  }
  s.answer.emplace(std::move(*decoded));
  if (s.chain()) s.answer->anchored(*s.chain(), 0);
}

Report Appraiser::report() {
  return state_->finish();
}

std::optional<Memory> Appraiser::memory() const {
  const State& s = *state_;
  return s.out.conclusion == Conclusion::verified ? s.era->newest : std::nullopt;
}

}  // namespace stele::attest
