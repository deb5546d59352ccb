#include "attest/boot/policy.h"

#include <algorithm>

#include "attest/boot/measurement_replay.h"

namespace stele::attest::boot {
namespace {

// What is found on one PCR: one remark a reason, however many events it holds for.
class Remarks {
 public:
  Remarks(std::vector<BootRemark>& out, std::uint32_t pcr) : out_(out), pcr_(pcr) {}

  void add(BootReason reason, std::uint64_t at = 0) {
    for (BootRemark& one : out_) {
      if (one.pcr == pcr_ && one.reason == reason) {
        ++one.count;
        return;
      }
    }
    out_.push_back({reason, pcr_, 1, at});
  }

 private:
  std::vector<BootRemark>& out_;
  std::uint32_t pcr_;
};

void judge_events(const EventLog* log, Algorithm bank, std::uint32_t pcr, const Bytes& quoted,
                  const std::set<Bytes>& allowed, Remarks remarks) {
  if (log == nullptr) return remarks.add(BootReason::no_log);
  switch (explain(*log, bank, {{pcr, quoted}}).at(pcr)) {
    case Explanation::cannot_tell:
      return remarks.add(BootReason::log_cannot_tell);
    case Explanation::unexplained:
      return remarks.add(BootReason::log_unexplained);
    case Explanation::untouched:
      return remarks.add(BootReason::nothing_measured);
    case Explanation::explained:
      break;
  }
  for (const Event& event : log->events) {
    if (!event.extends() || event.pcr != pcr) continue;
    const EventDigest* measured = event.digest(bank);  // there: the value is explained
    if (measured == nullptr ||
        !allowed.contains(Bytes(measured->bytes.begin(), measured->bytes.end()))) {
      remarks.add(BootReason::digest_not_allowed, event.at);
    }
  }
}

void judge_measurements(const MeasurementList* list, Algorithm bank, const Bytes& quoted,
                        const std::set<Bytes>& allowed, Remarks remarks) {
  if (list == nullptr) return remarks.add(BootReason::no_log);
  if (!can_digest(bank)) return remarks.add(BootReason::log_cannot_tell);
  const auto part = explain(*list, bank, quoted);
  if (!part) return remarks.add(BootReason::log_unexplained);
  if (part->entries == 0) return remarks.add(BootReason::nothing_measured);
  for (std::size_t i = 0; i < part->entries; ++i) {
    const Measurement& entry = list->entries[i];
    if (entry.pcr != kImaPcr) continue;
    if (entry.violation()) {
      remarks.add(BootReason::violation, entry.at);
      continue;
    }
    const auto measured = extended_by(entry, *list, bank, part->form);
    if (!measured || !allowed.contains(*measured)) {
      remarks.add(BootReason::digest_not_allowed, entry.at);
    }
  }
}

}  // namespace

std::string_view name(BootReason reason) {
  switch (reason) {
    case BootReason::records_only:
      return "records_only";
    case BootReason::not_quoted:
      return "not_quoted";
    case BootReason::no_log:
      return "no_log";
    case BootReason::log_cannot_tell:
      return "log_cannot_tell";
    case BootReason::log_unexplained:
      return "log_unexplained";
    case BootReason::nothing_measured:
      return "nothing_measured";
    case BootReason::violation:
      return "violation";
    case BootReason::value_not_allowed:
      return "value_not_allowed";
    case BootReason::digest_not_allowed:
      return "digest_not_allowed";
  }
  return "unknown";
}

BootDecision decide(const BootPolicy& policy, const BootEvidence& evidence) {
  BootDecision out;
  if (policy.records_only()) out.why.push_back({BootReason::records_only});
  // A value of another bank, or of another size than the bank's, is no value for this policy.
  const auto quoted = [&](std::uint32_t pcr) -> const Bytes* {
    const auto found = evidence.quoted.find(pcr);
    const bool right = evidence.bank == policy.bank && found != evidence.quoted.end() &&
                       found->second.size() == digest_bytes(policy.bank);
    return right ? &found->second : nullptr;
  };
  for (const auto& [pcr, allowed] : policy.values) {
    const Bytes* value = quoted(pcr);
    if (value == nullptr) {
      out.why.push_back({BootReason::not_quoted, pcr});
    } else if (!allowed.contains(*value)) {
      out.why.push_back({BootReason::value_not_allowed, pcr});
    }
  }
  for (const auto& [pcr, allowed] : policy.digests) {
    Remarks remarks(out.why, pcr);
    const Bytes* value = quoted(pcr);
    if (value == nullptr) {
      if (!policy.values.contains(pcr)) remarks.add(BootReason::not_quoted);
    } else if (pcr == kImaPcr) {
      judge_measurements(evidence.measurements, policy.bank, *value, allowed, remarks);
    } else {
      judge_events(evidence.event_log, policy.bank, pcr, *value, allowed, remarks);
    }
  }
  return out;
}

}  // namespace stele::attest::boot
