#include "attest/witness/witness_rules.h"

#include <algorithm>

#include "attest/witness/cosignature.h"

namespace stele::attest {

WitnessRules::WitnessRules(Policy policy, std::string origin, Presented what)
    : policy_(std::move(policy)), origin_(std::move(origin)), what_(what) {
  log_listed_ = policy_.logs.empty() ||
                std::any_of(policy_.logs.begin(), policy_.logs.end(),
                            [this](const auto& log) { return log.key.name == origin_; });
  for (const Policy::Witness& witness : policy_.witnesses) saw_.push_back({witness.name, 0, {}});
}

bool WitnessRules::is_signed_by_log(const Note& note) const {
  return std::any_of(policy_.logs.begin(), policy_.logs.end(), [&](const auto& log) {
    return log.key.name == origin_ && verify_note(note, log.key).has_value();
  });
}

void WitnessRules::take(const CosignedHead& head, ReportDraft& draft) {
  if (head.checkpoint.origin != origin_ || !log_listed_) return;
  const std::uint64_t size = head.checkpoint.tree.size;
  Seen seen{head.note.text, head.checkpoint.tree.root, is_signed_by_log(head.note), false, {}};
  // A policy that lists logs believes in no head that none of them signed.
  if (!policy_.logs.empty() && !seen.signed_by_log) return;
  for (std::size_t i = 0; i < policy_.witnesses.size(); ++i) {
    const auto time_s = verify_cosigned(head.note, policy_.witnesses[i].key);
    if (!time_s) {
      draft.finding(Finding::cosignature_invalid, Place::index(size),
                    "the signature of witness " + policy_.witnesses[i].name + " does not verify");
    } else if (*time_s) {
      seen.times.emplace(i, **time_s);
    }
  }
  if (!seen.times.empty()) seen_.emplace(size, std::move(seen));
}

void WitnessRules::begun_anew(std::int64_t time_ns) {
  const auto since_s =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, time_ns)) / 1'000'000'000;
  std::erase_if(seen_, [&](const auto& one) {
    const auto& times = one.second.times;
    return std::all_of(times.begin(), times.end(),
                       [&](const auto& time) { return time.second < since_s; });
  });
}

std::optional<std::uint64_t> WitnessRules::next_size(std::uint64_t size) const {
  const auto next = seen_.upper_bound(size);
  if (next == seen_.end()) return std::nullopt;
  return next->first;
}

std::string WitnessRules::names(const Seen& seen) const {
  std::string names;
  for (const auto& [witness, time] : seen.times) {
    names += (names.empty() ? "" : ", ") + policy_.witnesses[witness].name;
  }
  return names;
}

void WitnessRules::contradict(std::uint64_t size, const Seen& seen, const std::string& how,
                              ReportDraft& draft) const {
  draft.defect({seen.signed_by_log ? Fault::cosigned_head_mismatch : Fault::cosigned_head_unsigned,
                Place::index(size == 0 ? 0 : size - 1),
                "witnessed by " + names(seen) + ": " + std::to_string(size) +
                    " records with root " + to_hex(seen.root) + "; " + how});
}

void WitnessRules::head(const TreeHead& presented, ReportDraft& draft) {
  const auto [first, last] = seen_.equal_range(presented.size);
  for (auto at = first; at != last; ++at) {
    Seen& seen = at->second;
    seen.compared = true;
    if (seen.root != presented.root) {
      contradict(presented.size, seen, "presented is " + to_hex(presented.root), draft);
      continue;
    }
    for (const auto& [witness, time_s] : seen.times) {
      WitnessSaw& saw = saw_[witness];
      if (presented.size < saw.size) continue;
      saw.time_s = presented.size == saw.size ? std::max(saw.time_s.value_or(0), time_s) : time_s;
      saw.size = presented.size;
    }
  }
}

void WitnessRules::finish(const Extent& extent, ReportDraft& draft, Report& report) {
  if (what_ == Presented::store && !extent.unread) {
    for (auto at = seen_.upper_bound(extent.end); at != seen_.end(); ++at) {
      contradict(at->first, at->second, "presented are only " + std::to_string(extent.end), draft);
    }
  }
  if (what_ == Presented::bundle) not_compared(extent, draft);
  judge_quorum(draft, report);
}

// A bundle is made for a purpose at a time: that it does not lead to a head is no contradiction.
void WitnessRules::not_compared(const Extent& extent, ReportDraft& draft) const {
  for (const auto& [size, seen] : seen_) {
    if (seen.compared || size == 0) continue;
    std::string why = "it leaves out the records around it, and does not tell the tree there";
    if (size < extent.begin) why = "it begins only at " + std::to_string(extent.begin);
    if (size > extent.end) why = "it ends at " + std::to_string(extent.end);
    draft.finding(Finding::cosigned_head_not_compared, Place::index(size - 1),
                  "the head of " + std::to_string(size) + " records, witnessed by " + names(seen) +
                      ", cannot be compared with this bundle: " + why + "; it counts for nothing");
  }
}

void WitnessRules::judge_quorum(ReportDraft& draft, Report& report) {
  // A witness that saw a head saw all smaller ones of this tree: the quorum holds up to the largest
  // size that enough of them reached.
  std::vector<std::uint64_t> sizes;
  for (const WitnessSaw& saw : saw_) sizes.push_back(saw.size);
  std::sort(sizes.rbegin(), sizes.rend());
  WitnessReport& out = report.witnesses.emplace();
  out.witnesses = saw_;
  out.quorum_asked = policy_.quorum.has_value();
  if (!out.quorum_asked) return;
  for (const std::uint64_t through : sizes) {
    std::vector<bool> cosigned;
    for (const WitnessSaw& saw : saw_) cosigned.push_back(saw.time_s && saw.size >= through);
    if (!policy_.holds(cosigned)) continue;
    out.quorum_through = through;
    return;
  }
  std::string why = "the witnesses that saw this log are not the quorum of the policy";
  if (!log_listed_) why = "the policy lists logs, and not this one";
  draft.defect({Fault::quorum_not_reached, {}, why});
}

}  // namespace stele::attest
