// A single proof as a C2SP tlog-proof: the checkpoint's signature, and then, if the extra line
// holds a receipt, all that makes a proof, over the checkpoint's own head.
#include <algorithm>

#include "attest/proof_judge.h"
#include "attest/tlog_proof.h"

namespace stele::attest {
namespace {

using Signature = CheckpointReport::Signature;

// The keys that the verifier gave for this log.
std::vector<NoteKey> keys_of(const Options& options, const std::string& origin) {
  std::vector<NoteKey> keys;
  if (options.log_key) keys.push_back(*options.log_key);
  if (!keys.empty() || !options.policy) return keys;
  for (const Policy::Log& log : options.policy->logs) {
    if (log.key.name == origin) keys.push_back(log.key);
  }
  return keys;
}

bool names(const Note& note, const NoteKey& key) {
  return std::any_of(note.signatures.begin(), note.signatures.end(), [&](const auto& line) {
    return line.name == key.name && line.key_hash == key.key_hash;
  });
}

std::string short_name(const NoteKey& key) {
  const std::string text = to_text(key);
  return text.substr(0, text.rfind('+'));
}

// One key's signature is enough, but none of them may fail.
void judge_signature(const TlogProof& proof, const Options& options, ProofJudge& judge) {
  CheckpointReport& report = *judge.out.checkpoint;
  for (const NoteKey& key : keys_of(options, proof.checkpoint.origin)) {
    const bool named = names(proof.note, key);
    const bool verified = named && verify_note(proof.note, key).has_value();
    if (named && !verified) {
      report = {Signature::invalid, short_name(key), report.index, false};
      judge.draft.defect({Fault::signature_invalid, {}, "the checkpoint's, by " + short_name(key)});
      return;
    }
    if (report.signature == Signature::verified) continue;
    report.signature = verified ? Signature::verified : Signature::unknown_key;
    report.key = short_name(key);
  }
  if (report.signature == Signature::unknown_key) {
    judge.draft.defect({Fault::checkpoint_unsigned, {}, "no signature by " + report.key});
  } else if (report.signature == Signature::not_checked && !proof.checkpoint.extensions.empty()) {
    // A log of ours writes none, and nothing else here vouches for them.
    judge.draft.defect({Fault::checkpoint_unsigned, {}, "lines behind the root hash, and no key"});
  }
}

// Of a head that no receipt covers, nothing is told but that the record is in its tree.
void judge_without_receipt(const TlogProof& proof, const Options& options, ProofJudge& judge) {
  judge.out.tree = proof.checkpoint.tree;
  judge.draft.defect(
      {Fault::no_anchor, {}, "the file holds no receipt: its checkpoint is the log's word alone"});
  if (!options.leaf_hash) return;
  judge.out.checkpoint->record_included =
      judge.judge_inclusion(proof.index, *options.leaf_hash, proof.checkpoint.tree, proof.path);
}

void judge_with_receipt(const TlogProof& proof, ProofJudge& judge) {
  const Result<Proof> whole = decode_extra(proof);
  const std::optional<Statement> statement = judge.judge(whole);
  judge.out.tree = proof.checkpoint.tree;
  if (!statement) return;
  if (statement->tree != proof.checkpoint.tree) {
    judge.draft.defect({Fault::statement_mismatch, Place::anchor(statement->seq),
                        "the receipt covers another head than the checkpoint's"});
    return;
  }
  judge.out.checkpoint->record_included =
      verify_inclusion(proof.index, leaf_hash(whole->leaf), statement->tree, proof.path)
          .has_value();
}

}  // namespace

Report Appraiser::appraise_tlog_proof(std::string_view text, const Options& options,
                                      std::string_view cosignatures) {
  ProofJudge judge(Presented::tlog_proof, options);
  const Result<TlogProof> proof = parse_tlog_proof(text);
  if (!proof) {
    judge.draft.defect(proof.error());
    return judge.finish();
  }
  const Checkpoint& checkpoint = proof->checkpoint;
  judge.out.checkpoint = CheckpointReport{Signature::not_checked, {}, proof->index, false};
  if (!options.trust) {
    judge.out.origin = checkpoint.origin;
  } else if (checkpoint.origin != options.trust->origin) {
    judge.draft.defect({Fault::statement_mismatch, {}, "a checkpoint of another log"});
  }
  judge_signature(*proof, options, judge);
  if (proof->extra) {
    judge_with_receipt(*proof, judge);
  } else {
    judge_without_receipt(*proof, options, judge);
  }
  const CosignedHead own{proof->note, checkpoint};
  judge.judge_witnesses(checkpoint.tree, cosignatures, &own);
  return judge.finish();
}

}  // namespace stele::attest
