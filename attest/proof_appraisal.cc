// A single proof, on its own: one record, its path, its statement, the receipt.
#include "attest/appraiser.h"
#include "attest/report_draft.h"
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

void judge_record(const Proof& proof, const Statement& statement, ReportDraft& draft,
                  Coverage& coverage) {
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
  coverage.lost = record.lost;
  const Result<void> included =
      verify_inclusion(proof.index, record.leaf_hash, statement.tree, proof.path);
  if (!included)
    draft.defect({included.error().fault, Place::index(proof.index), included.error().detail});
}

// A witness of this very head, and no other: nothing here leads from one to the next.
void judge_witnesses(const Statement& statement, const Options& options,
                     std::string_view cosignatures, ReportDraft& draft, Report& out) {
  if (!options.policy) return;
  WitnessRules rules(*options.policy, options.trust->origin, Presented::proof);
  const auto heads = parse_cosigned_heads(cosignatures);
  if (heads) {
    for (const CosignedHead& head : *heads) rules.take(head, draft);
  } else if (!cosignatures.empty()) {
    draft.finding(Finding::cosignature_invalid, heads.error().at,
                  "the cosignatures cannot be read: " + heads.error().detail);
  }
  rules.head(statement.tree, draft);
  rules.finish({0, statement.tree.size, false}, draft, out);
}

}  // namespace

Report Appraiser::appraise_proof(ByteView bytes, const Options& options,
                                 std::string_view cosignatures) {
  ReportDraft draft;
  Report out;
  out.what = Presented::proof;
  bool checked = false;
  if (options.trust) {
    const TrustFile& trust = *options.trust;
    describe(trust, options.eras_approved, out);
    if (trust.era > 0 && !options.eras_approved) {
      draft.defect({Fault::era_not_approved,
                    {},
                    "only a signature of the auditor's over the trust file approves its era"});
    }
    if (trust.mode == Mode::b)
      draft.finding(Finding::mode_b, {}, "root of the host knows ownerAuth");
    if (trust.tpm_kind == TpmKind::simulator) {
      draft.finding(Finding::simulator, {},
                    "whoever holds a simulator's state file can put it back");
    }
  } else {
    draft.defect({Fault::no_trust_file, {}, "only the evidence's own consistency was checked"});
  }
  if (options.nonce)
    draft.defect({Fault::answer_missing, {}, "a proof carries no answer to a nonce"});
  const Result<Proof> proof = decode_proof(bytes);
  const Result<Statement> statement =
      proof ? decode_statement(proof->statement) : Result<Statement>(proof.error());
  if (!statement) {
    draft.defect(statement.error());
  } else {
    judge_record(*proof, *statement, draft, out.coverage);
    out.tree = statement->tree;
    if (options.trust) {
      const Result<void> anchored = verify_anchor(*proof, *statement, *options.trust);
      if (anchored) {
        checked = true;
        out.counter_anchors = 1;
        out.newest_anchor_ns = statement->wallclock_ns;
        judge_witnesses(*statement, options, cosignatures, draft, out);
      } else {
        draft.defect(anchored.error());
      }
    } else {
      out.log_id = statement->log_id;
    }
  }
  const auto verdict = [&](VerdictKind kind, bool may_pass) {
    const Outcome worst = draft.worst(kind);
    return worst == Outcome::pass && !may_pass ? Outcome::unknown : worst;
  };
  out.integrity = verdict(VerdictKind::integrity, checked);
  out.completeness = verdict(VerdictKind::completeness, checked);
  out.freshness = verdict(VerdictKind::freshness, false);
  out.platform = verdict(VerdictKind::platform, false);  // no boot bundle, so no boot to judge
  (checked && out.integrity == Outcome::pass ? out.coverage.counter_anchored
                                             : out.coverage.unanchored) = 1;
  bool required = false;
  for (const Finding finding : options.require) required = required || draft.has(finding);
  out.conclusion = conclude(out, options.trust.has_value(), options.nonce.has_value(), required);
  if (checked && out.conclusion != Conclusion::tampered)
    out.final_through = final_by_itself(*statement, *options.trust);
  draft.write(out);
  return out;
}

}  // namespace stele::attest
