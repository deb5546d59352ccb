// The trust file that provisioning left in the data directory, read and checked.
//
// Trust: it is the host's copy; an auditor uses the one that reached them another way.
// Errors: CommandError 66 when there is no log, 65 when the file is none, 73 as said below;
// std::system_error.
#pragma once

#include <optional>
#include <string>

#include "attest/trust.h"
#include "tools/stele/site.h"

namespace stele::tools {

struct StoredTrust {
  std::string text;
  attest::TrustFile trust;
};
StoredTrust read_trust(const Site& site);
// Any other one.
StoredTrust read_trust_file(const std::string& path);
// The same where it only informs: nothing if there is none that can be read.
std::optional<attest::TrustFile> find_trust(const Site& site);
// That a text about to be written will be read again; CommandError 73: it is too long.
void require_trust_fits(const std::string& text);
// Before a trust file is written there: a host that shows another log, perhaps with another TPM,
// must not cost the auditor what he pins of the one that he knows. approved: an era that `trust`
// says it follows may be there. CommandError 73: another log is, or more is said of this one.
void keep_other_pins(const std::string& path, const attest::TrustFile& trust, bool approved);
// A new trust file says what the daemon is configured to keep: quote interval and heartbeat.
void pin_intervals(attest::TrustFile& trust, const daemon::Config& config);

}  // namespace stele::tools
