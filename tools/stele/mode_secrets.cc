#include "tools/stele/mode_secrets.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>

#include "attest/failpoint.h"
#include "daemon/boot_log_paths.h"
#include "tools/stele/command.h"
#include "tools/stele/escrow_file.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {

void add_mode_options(CLI::App& command, ModeArguments& arguments) {
  command
      .add_option("--mode", arguments.mode,
                  "a: lock the TPM with secrets for the auditor; b: leave it to root")
      ->check(CLI::IsMember({"a", "b"}))
      ->capture_default_str();
  command.add_option("--escrow", arguments.escrow, "Mode a: where the sealed secrets go")
      ->type_name("FILE");
  command
      .add_option("--escrow-key", arguments.escrow_key,
                  "Mode a: the auditor's certificate (PEM, RSA or EC)")
      ->type_name("FILE");
  command
      .add_option(
          "--escrow-plain", arguments.escrow_plain,
          "Mode a, where the TPM is locked already: the escrow file, decrypted by the auditor")
      ->type_name("FILE");
}

void check(const ModeArguments& arguments) {
  if (arguments.escrow.empty() != arguments.escrow_key.empty()) {
    throw CommandError(kUsage, "--escrow FILE and --escrow-key FILE belong together");
  }
  const bool has_escrow = !arguments.escrow.empty() || !arguments.escrow_plain.empty();
  if (arguments.is_a() && !has_escrow && arguments.from_outside.empty()) {
    throw CommandError(
        kUsage,
        "--mode a locks the TPM with secrets that only the auditor may have: let the auditor set "
        "them (--from-outside unix:PATH), or name the file for them with --escrow, and the "
        "auditor's certificate with --escrow-key");
  }
  if (!arguments.from_outside.empty() && (!arguments.is_a() || has_escrow)) {
    throw CommandError(kUsage,
                       "--from-outside goes with --mode a, and without --escrow: then this host "
                       "has no secrets to escrow");
  }
  if (!arguments.is_a() && !arguments.escrow.empty()) {
    throw CommandError(kUsage, "--mode b has no secrets to escrow: --escrow goes with --mode a");
  }
  if (!arguments.escrow_key.empty()) static_cast<void>(read_text_file(arguments.escrow_key));
}

bool take_mode_secrets(tpm::ProvisionPlan& plan, const tpm::HierarchyState& hierarchies,
                       const ModeArguments& arguments) {
  if (!arguments.escrow_plain.empty()) {
    const attest::Escrow escrow = read_plain_escrow(arguments.escrow_plain);
    plan.owner_auth = escrow.owner_auth;
    plan.lockout_auth = escrow.lockout_auth;
    return false;
  }
  if (plan.mode != attest::Mode::a || !arguments.from_outside.empty() || hierarchies.owner_set ||
      hierarchies.lockout_set)
    return false;
  plan.owner_auth = random_bytes().bytes;
  plan.lockout_auth = random_bytes().bytes;
  return true;
}

std::string seal_mode_secrets(const tpm::ProvisionPlan& plan, const tpm::Credentials& credentials,
                              const attest::Bytes& genesis, const ModeArguments& arguments,
                              bool may_replace) {
  require_escrow_place(arguments.escrow, may_replace);
  attest::Escrow escrow;
  escrow.origin = plan.origin;
  escrow.log_id = attest::log_id(genesis);
  escrow.ak_name = credentials.identity.ak.name();
  escrow.owner_auth = plan.owner_auth;
  escrow.lockout_auth = plan.lockout_auth;
  return seal_escrow(escrow, read_text_file(arguments.escrow_key));
}

void keep_mode_secrets(const ModeArguments& arguments, const std::string& sealed) {
  write_text_file(arguments.escrow, sealed);
  FAILPOINT("provision.escrow");
  std::cout << "secrets for the auditor sealed in " << arguments.escrow << std::endl;
}

void take_kept_auths(tpm::ProvisionPlan& plan, const tpm::Credentials& kept) {
  plan.ak_handle = kept.ak_handle;
  plan.counter_handle = kept.counter_handle;
  plan.extend_handle = kept.extend_handle;
  plan.ak_auth = kept.ak_auth;
  plan.counter_auth = kept.counter_auth;
  plan.extend_auth = kept.extend_auth;
  plan.endorsement_auth = kept.endorsement_auth;
}

void take_fresh_auths(tpm::ProvisionPlan& plan) {
  for (tpm::AuthValue* auth :
       {&plan.ak_auth, &plan.counter_auth, &plan.extend_auth, &plan.endorsement_auth}) {
    *auth = random_bytes().bytes;
  }
}

void show_prospect(tpm::Device& device, const tpm::ProvisionPlan& plan, const std::string& tcti) {
  const tpm::Prospect prospect = tpm::look_ahead(device, plan);
  const tpm::Device::Kind kind = device.kind();
  const auto line = [](const char* what, std::uint32_t handle, bool there) {
    std::cout << "  " << what << " at 0x" << std::hex << std::setfill('0') << std::setw(8) << handle
              << std::dec << (there ? " (there already)" : "") << '\n';
  };
  std::cout << "  with the TPM at " << tcti << ": " << kind.manufacturer << ' ' << kind.model
            << " (" << name(tpm::tpm_kind(kind)) << ")\n";
  line("attestation key", plan.ak_handle, prospect.ak_there);
  line("counter C", plan.counter_handle, prospect.counter_there);
  line("extend index E", plan.extend_handle, prospect.extend_there);
  std::cout << "  quote anchors in PCR "
            << (prospect.pcr ? std::to_string(*prospect.pcr)
                             : "?: none is free, choose one with [tpm] pcr")
            << '\n';
  if (plan.mode == attest::Mode::a) {
    std::cout << "  mode a: owner and lockout hierarchy locked with secrets for the auditor "
                 "alone, TPM2_Clear\n"
                 "  disabled for good. A new SRK, EvictControl or a lockout reset will need the "
                 "auditor\n";
  } else {
    std::cout << "  mode b: root keeps control of the TPM; the newest two anchors are less "
                 "certain than in mode a\n";
  }
  std::cout.flush();
}

attest::Bytes read_event_log(const daemon::Config& config, const std::string& tcti) {
  daemon::Config reached = config;
  reached.tcti = tcti;
  attest::Bytes bytes;
  std::ifstream log(daemon::boot_log_paths(reached).event_log, std::ios::binary);
  bytes.assign(std::istreambuf_iterator<char>(log), {});
  return bytes;
}

}  // namespace stele::tools
