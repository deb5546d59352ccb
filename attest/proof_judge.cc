#include "attest/proof_judge.h"

#include "attest/witness/witness_rules.h"

namespace stele::attest {
namespace {

// The receipt's signatures, the statement's place in the era, the run rule.
Result<void> verify_anchor(const Proof& proof, const Statement& statement, const TrustPins& trust) {
  const Place at = Place::anchor(statement.seq);
  if (statement.log_id != trust.log_id || statement.era != trust.era) {
    return Defect(Fault::statement_mismatch, at, "a statement of another log");
  }
  if (statement.is_quote())
    return Defect(Fault::receipt_unexpected, at, "a proof stands on a counter anchor");
  if (statement.seq == 0 || statement.counter != trust.first_counter + statement.seq) {
    return Defect(Fault::counter_mismatch, at, "the counter is not c_0 + seq");
  }
  const Result<TpmIdentity> identity = trust.identity();
  if (!identity) return identity.error();
  const Hash digest = statement_digest(proof.statement);
  const Result<VerifiedReceipt> receipt = verify_receipt(
      proof.receipt, *identity, digest, statement.counter, extended(statement.prev_extend, digest));
  if (!receipt) return Defect(receipt.error().fault, at, receipt.error().detail);
  const bool same_run = receipt->run() == statement.run;
  const bool read_back = receipt->kind() == ReceiptKind::read_back;
  if ((!same_run && !(read_back && precedes(statement.run, receipt->run()))) ||
      (receipt->has_quote() && receipt->quote_run() != statement.run)) {
    return Defect(Fault::receipt_run, at, "a receipt of another run than its statement's");
  }
  if (read_back && trust.mode == Mode::b) {
    return Defect(Fault::read_back_rule, at, "a read-back receipt on its own");
  }
  return ok();
}

// The same, with the pins of whichever era the statement is of.
Result<void> verify_anchor(const Proof& proof, const Statement& statement, const TrustFile& trust) {
  for (const EarlierEra& before : trust.earlier) {
    if (before.pins.log_id != statement.log_id) continue;
    if (statement.seq > before.seq) {
      return Defect(Fault::statement_gap, Place::anchor(statement.seq),
                    "its era ended at anchor " + std::to_string(before.seq));
    }
    return verify_anchor(proof, statement, before.pins);
  }
  return verify_anchor(proof, statement, static_cast<const TrustPins&>(trust));
}

// In Mode A its anchor is final by itself; in Mode B two others must stand behind it, and a proof
// shows none. The mode of the statement's era.
std::optional<FinalThrough> final_by_itself(const Statement& statement, const TrustFile& trust) {
  Mode mode = trust.mode;
  for (const EarlierEra& before : trust.earlier) {
    if (before.pins.log_id == statement.log_id) mode = before.pins.mode;
  }
  if (mode != Mode::a) return std::nullopt;
  return FinalThrough{statement.seq, statement.tree.size, FinalThrough::By::mode_a};
}

}  // namespace

ProofJudge::ProofJudge(Presented what, const Options& options) : options_(options) {
  out.what = what;
  if (options.nonce)
    draft.defect({Fault::answer_missing, {}, "a proof carries no answer to a nonce"});
  if (!options.trust) {
    draft.defect({Fault::no_trust_file, {}, "only the evidence's own consistency was checked"});
    return;
  }
  const TrustFile& trust = *options.trust;
  describe(trust, options.eras_approved, out);
  if (trust.era > 0 && !options.eras_approved) {
    draft.defect({Fault::era_not_approved,
                  {},
                  "only a signature of the auditor's over the trust file approves its era"});
  }
  if (trust.mode == Mode::b) draft.finding(Finding::mode_b, {}, "root of the host knows ownerAuth");
  if (trust.tpm_kind == TpmKind::simulator) {
    draft.finding(Finding::simulator, {}, "whoever holds a simulator's state file can put it back");
  }
}

void ProofJudge::judge_record(const Proof& proof, const TreeHead& head) {
  RecordView view{proof.leaf, RecordView::State::missing, {}};
  if (proof.content) {
    view.state = RecordView::State::present;
    view.content = {proof.content->salt, proof.content->tlvs, proof.content->bytes};
  }
  const CheckedRecord record = check_record(proof.index, view);
  // A proof need not carry the content: the leaf commits to it.
  const bool absent = record.defect && record.defect->fault == Fault::content_missing;
  if (record.defect && !absent) draft.defect(*record.defect);
  if (absent && static_cast<std::uint8_t>(record.leaf.kind) >= kFirstUnknownCriticalKind) {
    draft.defect({Fault::kind_unknown, Place::index(proof.index), "record kind"});
  }
  out.coverage.lost = record.lost;
  if (options_.leaf_hash && *options_.leaf_hash != record.leaf_hash) {
    draft.defect({Fault::proof_mismatch, Place::index(proof.index),
                  "it is of another record than that of the leaf hash given: this one's is " +
                      to_hex(record.leaf_hash)});
  }
  judge_inclusion(proof.index, record.leaf_hash, head, proof.path);
}

bool ProofJudge::judge_inclusion(std::uint64_t index, const Hash& leaf, const TreeHead& head,
                                 const InclusionProof& path) {
  const Result<void> included = verify_inclusion(index, leaf, head, path);
  if (!included)
    draft.defect({included.error().fault, Place::index(index), included.error().detail});
  return included.has_value();
}

std::optional<Statement> ProofJudge::judge(const Result<Proof>& proof) {
  const Result<Statement> statement =
      proof ? decode_statement(proof->statement) : Result<Statement>(proof.error());
  if (!statement) {
    draft.defect(statement.error());
    return std::nullopt;
  }
  judge_record(*proof, statement->tree);
  out.tree = statement->tree;
  if (!options_.trust) {
    out.log_id = statement->log_id;
    return *statement;
  }
  const Result<void> anchored = verify_anchor(*proof, *statement, *options_.trust);
  if (!anchored) {
    draft.defect(anchored.error());
    return *statement;
  }
  anchored_ = *statement;
  out.counter_anchors = 1;
  out.newest_anchor_ns = statement->wallclock_ns;
  return *statement;
}

void ProofJudge::judge_witnesses(const TreeHead& head, std::string_view cosignatures,
                                 const CosignedHead* own) {
  if (!options_.policy || !options_.trust) return;
  // Of this very head, and no other: nothing here leads from one to the next.
  WitnessRules rules(*options_.policy, options_.trust->origin, Presented::proof);
  if (own) rules.take(*own, draft);
  const auto heads = parse_cosigned_heads(cosignatures);
  if (heads) {
    for (const CosignedHead& one : *heads) rules.take(one, draft);
  } else if (!cosignatures.empty()) {
    draft.finding(Finding::cosignature_invalid, heads.error().at,
                  "the cosignatures cannot be read: " + heads.error().detail);
  }
  rules.head(head, draft);
  rules.finish({0, head.size, false}, draft, out);
}

Report ProofJudge::finish() {
  const auto verdict = [&](VerdictKind kind, bool may_pass) {
    const Outcome worst = draft.worst(kind);
    return worst == Outcome::pass && !may_pass ? Outcome::unknown : worst;
  };
  const bool checked = anchored_.has_value();
  out.integrity = verdict(VerdictKind::integrity, checked);
  out.completeness = verdict(VerdictKind::completeness, checked);
  out.freshness = verdict(VerdictKind::freshness, false);
  out.platform = verdict(VerdictKind::platform, false);  // no boot bundle, so no boot to judge
  (checked && out.integrity == Outcome::pass ? out.coverage.counter_anchored
                                             : out.coverage.unanchored) = 1;
  for (const Finding finding : options_.require) {
    out.required_found = out.required_found || draft.has(finding);
  }
  out.conclusion = conclude(out, options_.trust.has_value(), options_.nonce.has_value(),
                            out.required_found);
  if (checked && out.conclusion != Conclusion::tampered)
    out.final_through = final_by_itself(*anchored_, *options_.trust);
  draft.write(out);
  return out;
}

}  // namespace stele::attest
