// A single proof in Stele's own form, on its own.
#include "attest/proof_judge.h"

namespace stele::attest {

Report Appraiser::appraise_proof(ByteView bytes, const Options& options,
                                 std::string_view cosignatures) {
  ProofJudge judge(Presented::proof, options);
  judge.judge(decode_proof(bytes));
  if (judge.is_anchored()) judge.judge_witnesses(judge.out.tree, cosignatures);
  return judge.finish();
}

}  // namespace stele::attest
