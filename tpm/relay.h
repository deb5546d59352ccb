// The host's side of being locked from outside: passes an auditor's commands on to the TPM, as far
// as the rules go, and never learns the secrets that are in them.
//
// Thread safety: none. Blocks: each command. Errors: TpmError; ProvisionRefused (no endorsement
// certificate). What was started for the auditor is flushed at the end, whatever the end is.
// Limits: kMaxRelayedCommands commands a visit (30 are needed, more where the TPM is busy): nobody
// keeps the TPM occupied for ever. Trust: none in the auditor; see relay_rules.h.
#pragma once

#include "tpm/anchor.h"
#include "tpm/relay_message.h"

namespace stele::tpm {

constexpr int kMaxRelayedCommands = 200;

// What the auditor is told of the log, beside where things are.
struct RelayedLog {
  attest::Bytes genesis;
  attest::Bytes genesis_receipt;
  std::string trust;  // the trust file's text
};

class Relay {
 public:
  Relay(Device& device, const Credentials& credentials, const RelayedLog& log);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  RelayMessage hello() const;
  // The response, or why the command is refused: then the visit is over.
  RelayMessage answer(const RelayMessage& command);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

RelayMessage refusal(std::string_view reason);

}  // namespace stele::tpm
