// Which mode a log's TPM is in, and the secrets that lock it in mode A: options, checks, escrow.
//
// Thread safety: none. Errors: CommandError 64 (options that do not fit together), 65, 66, 73.
#pragma once

#include <string>

#include "daemon/config.h"
#include "tpm/provision.h"

namespace CLI {
class App;
}

namespace stele::tools {

struct ModeArguments {
  std::string mode = "b";
  std::string escrow, escrow_key, escrow_plain;
  std::string from_outside;  // where the auditor is waited for; provision alone offers it

  bool is_a() const { return mode == "a"; }
};

void add_mode_options(CLI::App& command, ModeArguments& arguments);
void check(const ModeArguments& arguments);

// Mode A: the plan's owner and lockout secrets, from the decrypted escrow file, or fresh ones if
// the hierarchies are not locked. True: fresh, to be sealed before they lock anything.
bool take_mode_secrets(tpm::ProvisionPlan& plan, const tpm::HierarchyState& hierarchies,
                       const ModeArguments& arguments);
// What the escrow file will hold. 73 if its path may not be written; may_replace: an earlier
// attempt's file may be.
std::string seal_mode_secrets(const tpm::ProvisionPlan& plan, const tpm::Credentials& credentials,
                              const attest::Bytes& genesis, const ModeArguments& arguments,
                              bool may_replace);
// Writes it. After the daemon's secrets: those tell a later attempt that the file is ours.
void keep_mode_secrets(const ModeArguments& arguments, const std::string& sealed);

// What the secrets file keeps of a plan: an earlier attempt's, or fresh ones.
void take_kept_auths(tpm::ProvisionPlan& plan, const tpm::Credentials& kept);
void take_fresh_auths(tpm::ProvisionPlan& plan);

// What will be made, for the operator; the first words are the caller's.
void show_prospect(tpm::Device& device, const tpm::ProvisionPlan& plan, const std::string& tcti);

// The firmware's event log of the machine whose TPM this is; empty: none that can be read.
attest::Bytes read_event_log(const daemon::Config& config, const std::string& tcti);

}  // namespace stele::tools
