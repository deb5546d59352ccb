// What the appraisals of a single proof share, whichever its form: the record, the anchor that it
// stands on, its witnesses, and the report that follows.
//
// Thread safety: a value, used once. Trust: as the appraiser's. See: README.md, "Rules" 13 and 14.
#pragma once

#include <optional>
#include <string_view>

#include "attest/appraiser.h"
#include "attest/report_draft.h"
#include "attest/statement.h"
#include "attest/witness/cosigned_heads.h"

namespace stele::attest {

class ProofJudge {
 public:
  // options must outlive it.
  ProofJudge(Presented what, const Options& options);

  // Record, path, statement and receipt; its defect, where it could not be decoded. The statement,
  // if there is one, whether or not the pinned TPM vouches for it.
  std::optional<Statement> judge(const Result<Proof>& proof);
  // Whether the path leads from this leaf to the head; if not, that is a defect.
  bool judge_inclusion(std::uint64_t index, const Hash& leaf, const TreeHead& head,
                       const InclusionProof& path);
  // With a policy: who saw this head, as DIR/cosignatures says, and `own` if there is such a head.
  void judge_witnesses(const TreeHead& head, std::string_view cosignatures,
                       const CosignedHead* own = nullptr);
  // Whether the pinned TPM's receipt verified.
  bool is_anchored() const { return anchored_.has_value(); }
  Report finish();

  ReportDraft draft;
  Report out;

 private:
  void judge_record(const Proof& proof, const TreeHead& head);

  const Options& options_;
  std::optional<Statement> anchored_;
};

}  // namespace stele::attest
