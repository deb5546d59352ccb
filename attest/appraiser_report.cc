// The end of an appraisal: the rules that need the whole evidence, coverage, verdicts, conclusion.
#include <algorithm>

#include "attest/appraiser_state.h"

namespace stele::attest {

// Rules that only the end can decide.
void Appraiser::State::judge_end() {
  if (!begun && tree.size() > 0 && !torn_entry && !journal_unread) {
    draft.defect({Fault::journal_missing, {}, "there are records, but no journal"});
  }
  if (torn_entry) {
    if (*torn_entry < entries) {
      draft.defect({Fault::journal_damaged, Place::entry(*torn_entry),
                    "an entry that is not the last one is torn"});
    } else {
      draft.finding(Finding::torn_journal_tail, Place::entry(*torn_entry),
                    "the last journal entry was torn and is ignored");
    }
  }
  if (torn_group) {
    // Below a statement it was durable once; judge_tree has said so, unless the statement came
    // first.
    if (*torn_group < largest_stated) {
      if (!tree_broken) {
        draft.defect({Fault::records_missing, Place::index(*torn_group),
                      "torn below an anchored tree size"});
      }
    } else {
      draft.finding(Finding::torn_tail, Place::index(*torn_group),
                    "the last group was torn and is ignored");
    }
  }
  if (!options.trust) return;
  end_era(false);
  if (eras_to_come > 0 && !stopped && !journal_unread) {
    draft.defect({Fault::records_missing, Place::index(tree.size()),
                  "the era that the trust file pins does not begin in what is presented"});
  }
  if (trust.mode == Mode::b) {
    draft.finding(Finding::mode_b, {},
                  "root of the host knows ownerAuth: forks of the newest two anchors need a "
                  "verifier with memory");
  }
  if (trust.tpm_kind == TpmKind::simulator) {
    draft.finding(Finding::simulator, {}, "whoever holds a simulator's state file can put it back");
  }
  judge_memory();
  judge_outside();
}

// What others saw of this log.
void Appraiser::State::judge_outside() {
  if (witnesses) witnesses->finish({begins_at, tree.size(), records_unread}, draft, out);
  if (!held) return;
  out.held_receipts = held->held();
  if (stopped || journal_unread) return;
  const auto is_given_up = [this](const Hash& log, std::uint64_t seq) {
    Memory as_remembered;
    as_remembered.log_id = log;
    as_remembered.seq = seq;
    return given_up(as_remembered);
  };
  held->finish(draft, is_given_up, out);
}

void Appraiser::State::judge_memory() {
  if (!options.memory || stopped || remembered || journal_unread) return;
  const Memory& memory = *options.memory;
  const std::string seen = "this verifier has seen anchor " + std::to_string(memory.seq) +
                           " (quote " + std::to_string(memory.quote_seq) + ") of this log; it is ";
  if (given_up(memory)) {
    draft.finding(Finding::era_given_up, Place::anchor(memory.seq),
                  seen + "among those of an earlier era that the auditor gave up");
    return;
  }
  // Of the era that is not judged, as far as this trust file tells: that is unknown already.
  if (beyond && !knows(memory.log_id)) return;
  draft.defect(
      {Fault::memory_mismatch, Place::anchor(memory.seq), seen + "not in what is presented"});
}

void Appraiser::State::judge_freshness() {
  if (!options.nonce) return;
  if (!answer_given) {
    draft.defect({Fault::answer_missing, {}, "a nonce, but no answer to it"});
    return;
  }
  // Without keys, or a log that leads nowhere, an answer says nothing.
  if (!answer || !chain() || stopped) return;
  if (beyond && !knows(answer->log_id())) return;
  const Result<void> judged = answer->judge(*options.nonce, *chain());
  if (judged) {
    fresh = true;
  } else if (!journal_unread) {
    draft.defect(judged.error());
  }
}

// That a signature of the TPM's stands behind what is presented. Behind a remembered statement, in
// which counter anchors were, a quote anchor is enough, or the answer to a nonce.
bool Appraiser::State::is_anchored() const {
  return era->counter_anchors > 0 || (era->resumed && (era->receipt_verified || fresh));
}

void Appraiser::State::write_coverage() {
  Coverage& c = out.coverage;
  const std::uint64_t size = tree.size();
  c.counter_anchored = std::min(counter_size, size);
  const std::uint64_t anchored = std::max(c.counter_anchored, std::min(quote_size, size));
  c.quote_anchored = anchored - c.counter_anchored;
  c.unanchored = size - anchored;
  if (c.unanchored > 0) {
    c.unanchored_since_ns = tail_since_ns ? tail_since_ns : era->times.unanchored_since();
    draft.finding(Finding::unanchored_tail, Place::index(anchored),
                  std::to_string(c.unanchored) + " records are not covered by any anchor");
  }
}

// Of the newest era that was judged. A live answer adds nothing: it shows what the TPM holds now,
// and whoever knows ownerAuth can put another history into E after it.
void Appraiser::State::write_finality() {
  if (!options.trust || out.conclusion == Conclusion::tampered) return;
  out.final_through = era->finality.through();
  if (trust.mode == Mode::a || !remembered || options.memory->log_id != era->log_id) return;
  // Whoever remembers it refuses every history without it. (A quote anchor commits to E, and so to
  // the counter anchor before it; nothing is counter-anchored at seq 0.)
  const Memory& memory = *options.memory;
  if (memory.seq == 0) return;
  if (!out.final_through || memory.seq > out.final_through->seq ||
      (memory.seq == out.final_through->seq && memory.tree.size > out.final_through->size)) {
    out.final_through = FinalThrough{memory.seq, memory.tree.size, FinalThrough::By::memory};
  }
}

Report Appraiser::State::finish() {
  judge_end();
  judge_freshness();
  if (options.trust && !is_anchored()) {
    draft.defect({Fault::no_anchor,
                  {},
                  era->resumed ? "nothing signed since the statement remembered"
                               : "no counter anchor with a receipt: nothing is proved to be "
                                 "complete"});
  }
  write_coverage();
  out.tree = tree.head();
  // Pass is for what was checked: signatures over an anchored log.
  const bool checked = options.trust && !stopped && is_anchored();
  const auto verdict = [this](VerdictKind kind, bool may_pass) {
    const Outcome worst = draft.worst(kind);
    return worst == Outcome::pass && !may_pass ? Outcome::unknown : worst;
  };
  out.integrity = verdict(VerdictKind::integrity, checked);
  out.completeness =
      verdict(VerdictKind::completeness, checked && !records_unread && !journal_unread);
  out.freshness = verdict(VerdictKind::freshness, fresh);
  const BootFigures& boots = out.boots;
  const bool all_known = boots.starts > 0 && boots.approved == boots.starts;
  out.platform = verdict(VerdictKind::platform,
                         options.trust && (era->receipt_verified || fresh) && all_known);
  out.required_found = std::any_of(options.require.begin(), options.require.end(),
                                   [this](Finding finding) { return draft.has(finding); });
  out.conclusion = conclude(out, options.trust.has_value(), options.nonce.has_value(),
                            out.required_found);
  write_finality();
  draft.write(out);
  return out;
}

}  // namespace stele::attest
