// The report: four verdicts, defects, findings, coverage and one conclusion; as JSON and as text.
//
// Conclusion: tampered if any verdict is fail; else undetermined if integrity or completeness is
// unknown, a nonce was given and freshness is not pass, a required finding is present, or no trust
// file was given; else verified. Lists are bounded (kMaxListed), the counts beside them are not.
// Thread safety: a value. See: README.md, "Report" (schema stele.verdict/1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attest/finality.h"
#include "attest/result.h"
#include "attest/trust.h"

namespace stele::attest {

constexpr std::size_t kMaxListed = 100;  // defects, and findings, listed in a report

enum class Conclusion : std::uint8_t { verified, tampered, undetermined };
std::string_view name(Conclusion);
int exit_code(Conclusion);  // 0, 1, 2

// What is judged: all that a host has, a part of it that may begin late, leave out and end early, or
// one record, in our own form or in C2SP's.
enum class Presented : std::uint8_t { store, bundle, proof, tlog_proof };
std::string_view name(Presented);  // "bundle"

struct FindingAt {
  Finding finding;
  Place at;
  std::string detail;
};

struct Coverage {
  std::uint64_t counter_anchored = 0;  // records
  std::uint64_t quote_anchored = 0;    // beyond those
  std::uint64_t unanchored = 0;
  std::uint64_t lost = 0;  // as gap records state
  std::optional<std::int64_t> unanchored_since_ns;
  std::uint64_t boots = 0;  // runs with the log
  std::uint64_t boots_without_log = 0;
  std::uint64_t unclean_ends = 0;
  std::uint64_t unexplained_resets = 0;
  std::uint64_t longest_exposure_s = 0;
};

// What the policy's witnesses saw of the log that is presented.
struct WitnessSaw {
  std::string name;  // the policy's
  std::uint64_t size = 0;
  std::optional<std::uint64_t> time_s;  // when, by the witness's clock; none: it saw nothing of it
};
struct WitnessReport {
  bool quorum_asked = false;  // not "quorum none"
  // Up to where a quorum saw this very history; none: nowhere.
  std::optional<std::uint64_t> quorum_through;
  std::vector<WitnessSaw> witnesses;
};

// The checkpoint that a tlog-proof stands on, and what was checked of it.
struct CheckpointReport {
  enum class Signature : std::uint8_t { not_checked, verified, unknown_key, invalid };
  Signature signature = Signature::not_checked;
  std::string key;               // name and hash of the verifier's key that it was checked with
  std::uint64_t index = 0;       // the record's
  bool record_included = false;  // in the checkpoint's tree; false: not shown to be
};
std::string_view name(CheckpointReport::Signature);  // "verified"

// The statement remembered behind which evidence begins.
struct HeldSince {
  std::uint64_t seq = 0, quote_seq = 0, size = 0;
  bool operator==(const HeldSince&) const = default;
};
// Which records partial evidence shows; of the rest it holds only what they hash to.
struct Held {
  using Since = HeldSince;
  std::uint64_t records = 0;
  std::optional<Since> since;
  bool operator==(const Held&) const = default;
};

// What a foreign extend of P may hide: quote anchors, and what only they held, that were made after
// one anchor and cut before another.
struct ForeignWindow {
  struct Begin {
    std::uint64_t seq = 0, quote_seq = 0, size = 0;  // 0: the genesis receipt
    std::int64_t wallclock_ns = 0;
    bool operator==(const Begin&) const = default;
  };
  struct End {
    std::uint64_t seq = 0;
    Hash digest;  // d: what an acknowledgement names
    std::uint64_t size = 0;
    std::int64_t wallclock_ns = 0;
    bool operator==(const End&) const = default;
  };
  std::uint32_t era = 0;
  Begin begin;             // the newest anchor before it whose receipt shows P
  std::optional<End> end;  // the counter anchor that bears foreign-extend; none: not yet
  bool acknowledged = false;
  bool operator==(const ForeignWindow&) const = default;
};

// The boots that anchored statements commit to, one for each start of the daemon.
struct BootFigures {
  enum class Policy : std::uint8_t { none, record, rules } policy = Policy::none;  // newest era's
  std::uint64_t starts = 0;
  std::uint64_t approved = 0;     // the policy of their era knows them
  std::uint64_t unexplained = 0;  // a log of theirs does not give the quoted PCR values
};
std::string_view name(BootFigures::Policy);  // "rules"
BootFigures::Policy policy_of(const TrustPins& pins);

struct Report {
  Outcome integrity = Outcome::unknown;
  Outcome completeness = Outcome::unknown;
  Outcome freshness = Outcome::unknown;
  Outcome platform = Outcome::unknown;
  Conclusion conclusion = Conclusion::undetermined;
  bool required_found = false;  // a finding that the verifier asked to be told of (--require)
  Presented what = Presented::store;
  std::string origin;
  Hash log_id;
  TreeHead tree;
  Coverage coverage;
  BootFigures boots;
  std::uint64_t counter_anchors = 0;
  std::uint64_t quote_anchors = 0;
  std::optional<std::int64_t> newest_anchor_ns;
  std::uint64_t newest_seq = 0;  // of the newest counter anchor, in its era
  std::optional<Held> held;      // of a bundle
  std::optional<Mode> mode;
  // Of mode a: whether the trust file says that the host never had ownerAuth. None: no trust file.
  std::optional<bool> locked_from_outside;
  // Up to where no other history can be final as well; none: nothing is, or nothing was checked.
  std::optional<FinalThrough> final_through;
  TpmKind tpm_kind = TpmKind::unknown;
  std::string tpm_manufacturer;
  std::string tpm_model;
  // What the TPM's identity rests on. ek-chain: an enrolment that the auditor whose key was given
  // signed; pinned-key: the trust file alone; none: nothing.
  std::string identity = "none";
  bool enrolment_claimed = false;  // by a trust file whose signature no key given has checked
  std::optional<CheckpointReport> checkpoint;  // of a tlog-proof
  std::optional<WitnessReport> witnesses;      // with a policy
  std::optional<std::uint64_t> held_receipts;  // that verified, of those given
  std::uint64_t held_not_compared = 0;         // of those: the evidence does not lead there
  std::vector<ForeignWindow> foreign_windows;  // the first kMaxListed
  std::uint64_t acknowledged_extends = 0;      // windows among all of them
  std::vector<Defect> defects;
  std::uint64_t defect_count = 0;
  std::vector<FindingAt> findings;
  std::uint64_t finding_count = 0;
};

// What the trust file says of log and TPM; `signature_checked`: under a key that the verifier gave.
void describe(const TrustFile& trust, bool signature_checked, Report& report);

// Of one record, in either form: what a store or a bundle tells beside is not to be told here.
inline bool is_single_proof(const Report& r) {
  return r.what == Presented::proof || r.what == Presented::tlog_proof;
}

std::string to_json(const Report& report);  // one line, schema stele.verdict/1
std::string to_text(const Report& report);  // for a person; control characters escaped; ends with
                                            // conclusion and next steps

}  // namespace stele::attest
