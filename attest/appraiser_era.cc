// Where an era begins and ends: the appraiser's rules for genesis entries and records, and
// approval.
#include "attest/appraiser_state.h"

namespace stele::attest {
namespace {

std::string era_name(std::uint32_t era) {
  return "era " + std::to_string(era);
}

}  // namespace

void Appraiser::State::begin(std::uint8_t kind, ByteView payload) {
  if (kind != static_cast<std::uint8_t>(EntryKind::genesis)) {
    return stop({Fault::genesis_mismatch, {}, "the journal does not begin with a genesis"});
  }
  era->log_id = log_id(payload);
  if (options.trust) return begin_trusted(payload);
  const Result<Genesis> genesis = decode_genesis(payload);
  if (!genesis) return stop(genesis.error());
  out.origin = genesis->origin;  // claims, all
  out.log_id = era->log_id;
  out.mode = genesis->mode;
  era->claims.emplace(era->log_id);
}

// The pins of an era, which then is the first one presented.
const TrustPins* Appraiser::State::find_pins(const Hash& id) {
  if (id == trust.log_id) return &trust;
  for (std::size_t i = 0; i < trust.earlier.size(); ++i) {
    if (trust.earlier[i].pins.log_id != id) continue;
    eras_to_come = i + 1;
    return &trust.earlier[i].pins;
  }
  return nullptr;
}

// The first era presented: any that the trust file pins.
void Appraiser::State::begin_trusted(ByteView payload) {
  const std::vector<EarlierEra>& earlier = trust.earlier;
  const TrustPins* const pins = find_pins(era->log_id);
  const std::size_t before = eras_to_come;  // where in `earlier` the era before this one is
  if (pins == nullptr) {
    return stop(
        {Fault::genesis_mismatch, {}, "the journal's genesis is not one that the trust file pins"});
  }
  begin_era(payload, *pins);
  if (stopped || before == earlier.size()) return;
  // What came before is not presented: a store was lost.
  const Result<EraGap> gap = verify_succession(payload, *pins, earlier[before]);
  if (!gap) return stop(gap.error());
  if (earlier[before].size > 0) {
    return stop({Fault::journal_missing,
                 {},
                 "the anchors of " + era_name(earlier[before].pins.era) +
                     ", whose records go on, are not there"});
  }
  draft.finding(Finding::era_change, Place::entry(entries), era_name(pins->era) + " begins here");
  judge_head(chain()->genesis().previous_tree, "the genesis of " + era_name(pins->era),
             Place::entry(entries));
  judge_approval(earlier[before], *gap, false);
}

void Appraiser::State::begin_era(ByteView payload, const TrustPins& pins) {
  era = std::make_unique<JudgedEra>(pins, draft, out);
  era->log_id = log_id(payload);
  if (held) held->presented(era->log_id);
  Result<TpmIdentity> identity = pins.identity();
  if (!identity) return stop(identity.error());
  Result<AnchorChain> chain = AnchorChain::begin(payload, *identity);
  if (!chain) return stop(chain.error());
  const Genesis& genesis = chain->genesis();
  if (genesis.origin != pins.origin || genesis.mode != pins.mode || genesis.era != pins.era ||
      chain->extend() != pins.first_extend) {
    return stop(
        {Fault::trust_malformed, {}, "the trust file contradicts the genesis that it pins"});
  }
  if (witnesses && genesis.era > 0 && genesis.previous_tree.size == 0 && options.eras_approved) {
    witnesses->begun_anew(genesis.created_ns);
  }
  era->chain = std::move(*chain);
}

void Appraiser::State::next_era(ByteView payload) {
  const Result<Genesis> genesis = decode_genesis(payload);
  if (!genesis) return stop(genesis.error());
  if (genesis->previous_log_id != era->log_id) {
    return stop({Fault::genesis_mismatch, {}, "a genesis that does not follow the era before it"});
  }
  draft.finding(Finding::era_change, Place::entry(entries), "another era begins here");
  if (!options.trust) return next_claimed_era(payload, *genesis);
  if (eras_to_come == 0) {
    draft.defect({Fault::era_not_approved, Place::entry(entries),
                  "another era begins here, which the trust file does not approve"});
    beyond = true;
    return;
  }
  const EarlierEra& before = trust.earlier[eras_to_come - 1];
  const TrustPins& pins = eras_to_come == 1 ? static_cast<const TrustPins&>(trust)
                                            : trust.earlier[eras_to_come - 2].pins;
  if (log_id(payload) != pins.log_id) {
    return stop({Fault::genesis_mismatch, {}, "not the era that the trust file pins begins here"});
  }
  const Result<EraGap> gap = verify_succession(payload, pins, before);
  if (!gap) return stop(gap.error());
  if (!end_fits(*genesis, before)) return;
  judge_approval(before, *gap, true);
  end_era(options.eras_approved);
  --eras_to_come;
  tail_since_ns = era->times.unanchored_since();
  quote_size = 0;  // P belongs to the era that ended
  era_begins = tree.size();
  sources = SourceWindow{};  // a record's source is of its own era
  begin_era(payload, pins);
}

// The end that the new era names must be the end that is presented: the tree, and the anchors.
bool Appraiser::State::end_fits(const Genesis& genesis, const EarlierEra& before) {
  const std::string who = "the genesis of " + era_name(genesis.era);
  open_tree_fits = judge_head(genesis.previous_tree, who, Place::entry(entries));
  if (chain()->seq() != before.seq || chain()->extend() != before.extend) {
    stop({Fault::extend_mismatch, Place::anchor(chain()->seq()),
          who + " follows anchor " + std::to_string(before.seq) + ", but " +
              era_name(before.pins.era) + " ends with anchor " + std::to_string(chain()->seq()) +
              " in what is presented"});
    return false;
  }
  return true;
}

// Whether the auditor has accepted how an era ended. `presented`: its records and anchors are here.
void Appraiser::State::judge_approval(const EarlierEra& before, const EraGap& gap, bool presented) {
  const Place at = Place::entry(entries);
  const std::string which = era_name(before.pins.era);
  if (options.eras_approved && gap.lost <= before.lost) {
    if (presented && gap.confirmed && before.lost == 0) return;
    std::string detail = which + " ended at anchor " + std::to_string(before.seq);
    detail += presented ? "" : " and is not in this store";
    detail += gap.confirmed ? "" : ", its TPM does not confirm that";
    detail += "; the auditor gave up " + std::to_string(before.lost) + " later anchors";
    draft.finding(Finding::era_given_up, at, std::move(detail));
    return;
  }
  if (presented && gap.lost == 0 && remembers_end(before)) {
    draft.finding(
        Finding::era_given_up, at,
        "the end of " + which + " is approved by nobody; it is what this verifier remembers");
    return;
  }
  std::string detail = "the end of " + which;
  if (!options.eras_approved) {
    detail +=
        " is approved only by a signature of the auditor's over the trust file: --auditor-key FILE";
  } else {
    detail += ": its TPM shows " + std::to_string(gap.lost) +
              " steps of C beyond it, the auditor gave up " + std::to_string(before.lost);
  }
  draft.defect({Fault::era_not_approved, at, std::move(detail)});
}

// That the memory is of the newest anchor of the era that ends here.
bool Appraiser::State::remembers_end(const EarlierEra& before) const {
  return remembered && options.memory->log_id == before.pins.log_id &&
         options.memory->seq == before.seq && options.memory->extend == before.extend &&
         options.memory->digest == chain()->newest_digest();
}

// Whether the auditor signed that the anchor remembered is given up.
bool Appraiser::State::given_up(const Memory& memory) const {
  for (const EarlierEra& before : trust.earlier) {
    if (before.pins.log_id != memory.log_id) continue;
    if (!options.eras_approved || before.lost == 0) return false;
    // At the end itself only quote anchors may be gone: the counter anchor must be the one
    // remembered.
    if (memory.seq == before.seq) return memory.quote_seq > 0 && memory.extend == before.extend;
    return memory.seq > before.seq && memory.seq - before.seq <= before.lost;
  }
  return false;
}

bool Appraiser::State::knows(const Hash& log_id) const {
  if (log_id == trust.log_id) return true;
  for (const EarlierEra& era_before : trust.earlier) {
    if (era_before.pins.log_id == log_id) return true;
  }
  return false;
}

// `approved`: then the auditor vouches for the newest anchors, and no more anchors need to bury
// them.
void Appraiser::State::end_era(bool approved) {
  if (!approved) era->runs.end();
  era->times.end();
  era->foreign.end(!stopped && !journal_unread);
  if (chain() && chain()->open_intent()) {
    draft.finding(Finding::open_intent, Place::anchor(chain()->open_intent()->statement.seq),
                  "the newest statement has no receipt");
  }
}

void Appraiser::State::next_claimed_era(ByteView payload, const Genesis& genesis) {
  judge_head(genesis.previous_tree, "the genesis of " + era_name(genesis.era),
             Place::entry(entries));
  era->log_id = log_id(payload);
  era->claims.emplace(era->log_id);
  out.log_id = era->log_id;
  out.mode = genesis.mode;
  era_begins = tree.size();
  sources = SourceWindow{};
}

void Appraiser::State::judge_genesis_record(std::uint64_t index, const CheckedRecord& record,
                                            bool decoded) {
  const Place at = Place::index(index);
  const bool is_genesis = decoded && record.leaf.kind == Kind::genesis;
  const bool is_era = decoded && record.leaf.kind == Kind::era;
  if (index == 0 && !is_genesis) {
    draft.defect({Fault::genesis_mismatch, at, "the first record is not the genesis"});
  } else if (era_begins == index && !is_era) {
    draft.defect({Fault::genesis_mismatch, at, "an era's first record is not its genesis"});
  } else if (index == 0 || era_begins == index) {
    if (record.log_id && begun && *record.log_id != era->log_id) {
      draft.defect({Fault::genesis_mismatch, at, "another genesis than the journal's"});
    }
  } else if (is_genesis || is_era) {
    draft.defect({Fault::era_not_approved, at,
                  "another era begins here, which the trust file does not approve"});
    draft.finding(Finding::era_change, at, "another era begins here");
  }
}

}  // namespace stele::attest
