// ReportDraft: defects and findings as they come in, bounded, and the verdicts that follow from
// them.
//
// Fails are listed before unknowns, so that many of these cannot hide one of those; of each finding
// the first kMaxOfAKind are listed. Counts and verdicts cover all.
// Thread safety: a value.
#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "attest/report.h"

namespace stele::attest {

class ReportDraft {
 public:
  static constexpr std::size_t kMaxOfAKind = 10;

  void defect(Defect defect);
  void finding(Finding finding, Place at, std::string detail);
  // The worst that was found against a verdict; pass: nothing.
  Outcome worst(VerdictKind kind) const { return worst_[static_cast<std::size_t>(kind)]; }
  bool has(Finding finding) const { return seen_[static_cast<std::size_t>(finding)] > 0; }
  // Moves the lists and counts into a report.
  void write(Report& report);

 private:
  std::array<Outcome, 4> worst_{};  // pass
  std::vector<Defect> fails_, unknowns_;
  std::vector<FindingAt> findings_;
  std::array<std::uint64_t, kFindingKinds> seen_{};
  std::uint64_t defect_count_ = 0;
};

// The conclusion that follows from a report's verdicts (report.h).
Conclusion conclude(const Report& report, bool trusted, bool asked_freshness,
                    bool required_present);

}  // namespace stele::attest
