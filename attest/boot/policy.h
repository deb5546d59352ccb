// A boot policy: what an auditor expects of the quoted PCR values, and whether it knows a boot.
//
// Two rules, per PCR, in one bank; both may stand for one PCR:
//   values    the quoted value is one of these
//   digests   the log explains the quoted value, and each digest that it extended is one of these.
//             Says that nothing else was measured, not that all of these were
// A policy without rules records only. A boot passes if each rule holds and is unknown otherwise;
// none fails, since an update must not read as tampering, and what a bus attacker can replay must
// not decide that. Thread safety: pure. Errors: none. Trust: the policy is the auditor's; quoted
// values are from a quote that verified; the logs may come from anyone.
// See: policy_text.h for its lines in a trust file.
#pragma once

#include <set>
#include <string_view>
#include <vector>

#include "attest/boot/measurement_list.h"
#include "attest/boot/replay.h"
#include "attest/fault.h"

namespace stele::attest::boot {

using PcrRule = std::map<std::uint32_t, std::set<Bytes>>;  // PCR to what is allowed

struct BootPolicy {
  Algorithm bank = Algorithm::sha256;
  PcrRule values;
  PcrRule digests;  // of kImaPcr: what the kernel extends for each measurement

  bool records_only() const { return values.empty() && digests.empty(); }
  bool operator==(const BootPolicy&) const = default;
};

struct BootEvidence {
  Algorithm bank = Algorithm::sha256;  // of the quoted values
  PcrValues quoted;
  const EventLog* event_log = nullptr;            // null: there is none
  const MeasurementList* measurements = nullptr;  // null: there is none
};

enum class BootReason : std::uint8_t {
  records_only,        // the policy has no rule
  not_quoted,          // a rule's PCR is not quoted in the policy's bank
  no_log,              // a rule on digests, and no log for its PCR
  log_cannot_tell,     // the log does not have the bank, or not all its digests
  log_unexplained,     // the log gives another value than the quoted one
  nothing_measured,    // a rule on digests, and no digest was extended
  violation,           // the kernel measured what it could not name
  value_not_allowed,   // the quoted value is none of the policy's
  digest_not_allowed,  // the log extended something that is not the policy's
};
std::string_view name(BootReason);  // "value_not_allowed"

// One reason of one PCR.
struct BootRemark {
  BootReason reason;
  std::uint32_t pcr = 0;
  std::size_t count = 1;    // events or measurements it holds for
  std::uint64_t first = 0;  // where the first of them is in its log (Event::at, Measurement::at)
  bool operator==(const BootRemark&) const = default;
};

struct BootDecision {
  std::vector<BootRemark> why;  // what keeps it from passing
  bool known() const { return why.empty(); }
};

BootDecision decide(const BootPolicy&, const BootEvidence&);

}  // namespace stele::attest::boot
