// Writing a boot policy into a trust file: from the host's newest boot, or from the auditor's
// lines.
//
// What a boot measured is taken from the evidence, quoted by the pinned key; that it is good is for
// the auditor to say. Errors: CommandError 66 (no boot bundle, no such file), 65 (a bundle that
// does not verify, lines that are no policy, more rules than a policy holds); std::system_error.
#pragma once

#include <string>

#include "attest/trust.h"
#include "tools/stele/site.h"

namespace stele::tools {

// wanted: record, exact, digests, ima, or a file of policy lines. exact, digests and ima add to the
// policy that is there, so that a host may boot what it was allowed before, too; the others replace
// it. Says on stderr what it took from where.
void set_boot_policy(const Site& site, const std::string& wanted, attest::TrustFile& trust);

// Whether it takes this host's evidence, and not only the auditor's own words.
bool is_of_this_host(const std::string& wanted);

// Lines of a policy, from a file. 65 with the line.
attest::boot::BootPolicy read_boot_policy(const std::string& path);

}  // namespace stele::tools
