// The host's side of `stele provision --from-outside`: waits for the auditor, passes on what it
// sends to the TPM, and keeps in the end that the TPM is locked.
//
// Each visit is told with its outcome, done before the auditor is told that it is.
// A visit that breaks off is followed by the next one: what was set stays set, what was started is
// flushed. Thread safety: none. Blocks: up to kVisitorWait for each visit. Errors: TpmError,
// ProvisionRefused; CommandError 75 (nobody came), 73.
// Trust: none in the visitor: the rules are tpm/relay_rules.h's, and whether the TPM is locked the
// TPM is asked. By whom, this host cannot know: only the auditor's own trust file says it.
#pragma once

#include <functional>
#include <string>

#include "tools/stele/relay_line.h"
#include "tpm/relay.h"

namespace stele::tools {

struct RelayVisit {
  RelayLine::Peer peer;
  // Empty: the TPM is locked. Else why it is not: auditor_refused, not_locked, relay_refused,
  // peer_gone.
  std::string refused_for;
};
// keep: makes durable that provisioning is complete; before the auditor is told so. visited: makes
// durable that somebody came, and what of it.
void relay_until_locked(tpm::Device& device, const tpm::Credentials& credentials,
                        const tpm::RelayedLog& log, const std::string& target,
                        const std::function<void()>& keep,
                        const std::function<void(const RelayVisit&)>& visited);

}  // namespace stele::tools
