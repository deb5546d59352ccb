// The host's side of `stele provision --from-outside`: waits for the auditor, passes on what it
// sends to the TPM, and keeps in the end that the TPM is locked.
//
// A visit that breaks off is followed by the next one: what was set stays set, what was started is
// flushed. Thread safety: none. Blocks: up to kVisitorWait for each visit. Errors: TpmError,
// ProvisionRefused; CommandError 75 (nobody came), 73.
// Trust: none in the visitor: the rules are tpm/relay_rules.h's, and whether the TPM is locked the
// TPM is asked. By whom, this host cannot know: only the auditor's own trust file says it.
#pragma once

#include <functional>
#include <string>

#include "tpm/relay.h"

namespace stele::tools {

// keep: makes durable that provisioning is complete; before the auditor is told so.
void relay_until_locked(tpm::Device& device, const tpm::Credentials& credentials,
                        const tpm::RelayedLog& log, const std::string& target,
                        const std::function<void()>& keep);

}  // namespace stele::tools
