// The auditor's judgement on an era that follows another: what ended, whether its TPM confirmed
// that, and what is given up.
//
// Speaks on stderr of what it saw. Thread safety: none. Errors: CommandError 1: the request
// contradicts what the auditor knows; 2: whether anchors are missing cannot be told; 64, 65.
// See: attest/README.md, "Eras".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "attest/era.h"

namespace CLI {
class App;
}

namespace stele::tools {

struct EraApproval {
  std::string previous;  // the auditor's own trust file of the era that ended
  std::string nonce;     // what the auditor gave for `stele era begin`
  std::string memory;
  std::string boot_policy;  // lines for the new era; empty: it has none
  std::optional<std::uint64_t> accept_lost;
};
void add_approval_options(CLI::App& command, EraApproval& approval);

// Before anybody is asked: a nonce that is none (64), a file that is not there (66) or malformed
// (65).
void check_approval(const EraApproval& approval);

// Returns only if the era may be signed for: its trust file then pins the earlier eras as the
// auditor's own file does, and says what is given up.
void approve_era(attest::EraRequest& request, const EraApproval& approval);

}  // namespace stele::tools
