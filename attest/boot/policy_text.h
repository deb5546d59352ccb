// A boot policy as lines: the end of a trust file, and what an auditor edits.
//
//   boot_policy record|rules
//   boot_value PCR HEX       the quoted value of this PCR may be this one
//   boot_digest PCR HEX      this may have been measured into this PCR
// All values before all digests; each ascending by PCR, then by HEX, none twice; `record` has no
// lines behind it, `rules` at least one. So a policy has one form. SHA-256 throughout, as quoted.
// Thread safety: pure. Errors: trust_malformed, with the line. Trust: the policy is the auditor's.
#pragma once

#include <string>
#include <string_view>

#include "attest/boot/policy.h"
#include "attest/result.h"

namespace stele::attest::boot {

// Lines of rules: so that any policy fits a signed note (1 MiB), with room for the eras' pins. A
// host that measures more files into PCR 10 wants a value rule, or none.
constexpr std::size_t kMaxPolicyRules = 8192;

constexpr std::string_view kPolicyPrefix = "boot_";  // what each of these lines begins with

// A PCR that boot bundles quote: 0-7, and IMA's 10. P is the log's own.
bool is_policy_pcr(std::uint64_t pcr);
std::size_t rules(const BootPolicy&);
// Precondition: the bank is SHA-256, all PCRs are is_policy_pcr, at most kMaxPolicyRules.
std::string to_text(const BootPolicy&);
// first_line: the number of the text's first line where it stands in a larger file.
Result<BootPolicy> parse_policy(std::string_view text, std::size_t first_line = 1);

}  // namespace stele::attest::boot
