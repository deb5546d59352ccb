#include "attest/report_draft.h"

#include <algorithm>
#include <numeric>

namespace stele::attest {

void ReportDraft::defect(Defect defect) {
  const bool fails = outcome_of(defect.fault) == Outcome::fail;
  Outcome& worst = worst_[static_cast<std::size_t>(verdict_of(defect.fault))];
  if (fails) {
    worst = Outcome::fail;
  } else if (worst == Outcome::pass) {
    worst = Outcome::unknown;
  }
  ++defect_count_;
  std::vector<Defect>& list = fails ? fails_ : unknowns_;
  if (list.size() < kMaxListed) list.push_back(std::move(defect));
}

void ReportDraft::finding(Finding finding, Place at, std::string detail) {
  const std::uint64_t before = seen_[static_cast<std::size_t>(finding)]++;
  if (before < kMaxOfAKind && findings_.size() < kMaxListed) {
    findings_.push_back({finding, at, std::move(detail)});
  }
}

void ReportDraft::write(Report& report) {
  report.defects = std::move(fails_);
  const std::size_t room = kMaxListed - report.defects.size();
  const auto end =
      unknowns_.begin() + static_cast<std::ptrdiff_t>(std::min(room, unknowns_.size()));
  report.defects.insert(report.defects.end(), unknowns_.begin(), end);
  report.defect_count = defect_count_;
  report.findings = std::move(findings_);
  report.finding_count = std::accumulate(seen_.begin(), seen_.end(), std::uint64_t{0});
}

Conclusion conclude(const Report& r, bool trusted, bool asked_freshness, bool required_present) {
  for (const Outcome outcome : {r.integrity, r.completeness, r.freshness, r.platform}) {
    if (outcome == Outcome::fail) return Conclusion::tampered;
  }
  const bool unknown = r.integrity == Outcome::unknown || r.completeness == Outcome::unknown;
  const bool not_fresh = asked_freshness && r.freshness != Outcome::pass;
  if (unknown || not_fresh || required_present || !trusted) return Conclusion::undetermined;
  return Conclusion::verified;
}

}  // namespace stele::attest
