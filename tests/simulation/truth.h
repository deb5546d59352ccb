// What must be true of a log whatever happened to it: the model, and the judge of every verdict.
//
// The model is an append-only list of what was given to the log, how much of it was acknowledged,
// sealed and quoted, and what the attacker did. It never looks into the code under test: verdicts,
// what check_log read from the bytes, and the virtual TPM's registers are all it is told.
// Thread safety: a value.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attest/appraiser.h"
#include "tests/support/check_log.h"
#include "tests/support/records.h"

namespace stele::test {

// The kinds of wrong that a family's line counts.
enum class Wrong : std::uint8_t { lost, false_alarm, missed };
struct Violation {
  Wrong wrong;
  std::string what;
};
using Judgement = std::optional<Violation>;  // nothing: all is as it must be

struct Truth {
  attest::Mode mode = attest::Mode::a;
  Records records;                   // what was given, in order; its end may be in doubt
  std::uint64_t acknowledged = 1;    // of them: the genesis is
  std::vector<std::string> entries;  // the journal, as last seen
  // Every head that the store ever had, forks after an attack included.
  std::map<std::uint64_t, std::set<attest::Hash>> heads;
  struct Sealed {
    std::uint64_t seq = 0, size = 0;
    attest::Hash root;
  };
  std::vector<Sealed> sealed;  // counter anchors whose receipt was stored, ascending
  std::uint64_t quoted = 0;    // records under a quote anchor of the P that lives now
  std::uint64_t refused = 0;   // events lost to a full disk, not yet on record
  bool foreign = false;        // somebody else extended P
  bool attacked = false;       // from here on soundness only
  bool extend_redefined = false;
  bool tpm_put_back = false;             // no host can see that; a verifier's memory can
  std::optional<attest::Memory> memory;  // the auditor's

  std::uint64_t recorded_lost(std::uint64_t size) const;  // by the gap records among the first
  const Sealed* newest_sealed() const { return sealed.empty() ? nullptr : &sealed.back(); }
  // The newest anchor that a challenge must not pass without.
  const Sealed* binding() const;

  // A store that has recovered: every acknowledged record, none invented, the journal only grew.
  Judgement judge_bytes(const LogCheck& found) const;
  // A verdict; `presented` are the leaves of the log that was judged.
  Judgement judge(const attest::Report& report, const std::vector<attest::Hash>& presented,
                  bool live) const;

 private:
  Judgement judge_honest(const attest::Report& report, bool live) const;
  Judgement judge_attacked(const attest::Report& report, const std::vector<attest::Hash>& presented,
                           bool live) const;
};

std::string words(const attest::Report& report);

}  // namespace stele::test
