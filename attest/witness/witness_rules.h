// What witnesses of a policy say about a log, held against the log that is presented.
//
// A cosignature by a witness of the policy says that it saw this root at this size. The presented
// tree must have that root there; then the witness saw every smaller head of this log as well. It
// never makes a verdict better. Faults: cosigned_head_mismatch (the log's own key signed that other
// head too: it showed two histories), cosigned_head_unsigned (it did not, as far as the policy
// tells: the witness may be the one who lies), quorum_not_reached. A bundle need not lead to every
// head: one that it does not lead to counts for nothing, and is the finding
// cosigned_head_not_compared.
// Thread safety: a value. Use: take() all heads, then head() at each size that next_size() names,
// then finish(). See: README.md, "Witnesses in the verdict".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attest/report_draft.h"
#include "attest/witness/cosigned_heads.h"
#include "attest/witness/policy.h"

namespace stele::attest {

class WitnessRules {
 public:
  WitnessRules(Policy policy, std::string origin, Presented what);
  // Every head, whoever signed it; those of other origins say nothing here.
  void take(const CosignedHead& head, ReportDraft& draft);
  // The log began anew at that time, with an empty tree: what was witnessed before it lies in a
  // store that was lost, and the auditor knows.
  void begun_anew(std::int64_t time_ns);
  // The smallest size above `size` at which head() is needed.
  std::optional<std::uint64_t> next_size(std::uint64_t size) const;
  bool needs(std::uint64_t size) const { return seen_.contains(size); }
  void head(const TreeHead& presented, ReportDraft& draft);
  // The records that are presented; unread: behind them lies what this verifier cannot read.
  struct Extent {
    std::uint64_t begin = 0, end = 0;
    bool unread = false;
  };
  void finish(const Extent& extent, ReportDraft& draft, Report& report);

 private:
  struct Seen {
    std::string text;
    Hash root;
    bool signed_by_log = false;
    bool compared = false;
    std::map<std::size_t, std::uint64_t> times;  // by the policy's witness: seconds
  };
  void contradict(std::uint64_t size, const Seen& seen, const std::string& how,
                  ReportDraft& draft) const;
  void not_compared(const Extent& extent, ReportDraft& draft) const;
  void judge_quorum(ReportDraft& draft, Report& report);
  std::string names(const Seen& seen) const;
  bool is_signed_by_log(const Note& note) const;

  Policy policy_;
  std::string origin_;
  Presented what_;
  bool log_listed_;
  std::multimap<std::uint64_t, Seen> seen_;  // by size
  std::vector<WitnessSaw> saw_;              // of each witness the largest that fits
};

}  // namespace stele::attest
