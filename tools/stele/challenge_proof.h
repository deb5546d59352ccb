// The folder that proves what a challenge found: what was shown, what was seen before, and how to
// check both without this tool.
//
//   README.txt            what this is, and the commands that check it
//   evidence · nonce · trust · memory · policy    for stele-verify, as they were at the visit
//   report.json · report.txt
//   remembered/ presented/                the two signed halves: statement, attest, sig.der, ak.pem
//                                         … (attest/export.h), for openssl and tpm2_checkquote
//   answer/                               what the TPM signed for the nonce
//
// Thread safety: one thread. Errors: CommandError 73; std::system_error. Durability: each file is
// durable when the call returns. Trust: no name in it comes from the host.
#pragma once

#include <string>

#include "tools/stele/challenge_visit.h"

namespace stele::tools {

struct ProofParts {
  attest::Hash nonce;
  std::string evidence;  // the path of the spooled bundle, which is moved
  const HalfCollector* shown = nullptr;
};
// Makes a new folder below `folder`; its path.
std::string keep_proof(const std::string& folder, const AuditorDesk& desk, const Visit& visit,
                       const ProofParts& parts);

}  // namespace stele::tools
