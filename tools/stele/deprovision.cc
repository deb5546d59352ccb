#include "tools/stele/deprovision.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "attest/genesis.h"
#include "tools/stele/escrow_file.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/site.h"
#include "tpm/credentials.h"
#include "tpm/provision.h"

namespace stele::tools {
namespace {

struct DeprovisionArguments {
  std::string tcti, owner_auth, lockout_auth, escrow_plain;
  bool yes = false;
  bool purge = false;
};

void say_what_is_lost(const attest::Genesis& genesis, const std::string& data, bool purge) {
  std::cout << "removes the log " << genesis.origin
            << " from the TPM: its attestation key, counter and extend index.\n"
            << "lost: no anchor can be added to this log, and no auditor's challenge answered, "
               "ever again.\n";
  if (purge) {
    std::cout << "lost: " << data << " with every record and receipt in it.\n";
  } else {
    std::cout << "kept: " << data
              << ": what is sealed stays verifiable offline, with freshness unknown.\n";
  }
  if (genesis.mode == attest::Mode::a)
    std::cout << "TPM2_Clear stays disabled until the firmware enables it.\n";
}

tpm::Credentials read_credentials(const LogDirectory& directory) {
  if (!directory.secrets() || !directory.genesis()) {
    throw CommandError(kNoInput, directory.path() + " holds no log: nothing to remove");
  }
  auto credentials = tpm::parse_credentials(*directory.secrets());
  if (!credentials) {
    throw CommandError(kConfiguration,
                       directory.path() + "/secrets cannot be read: " + credentials.error().detail);
  }
  return *std::move(credentials);
}

struct OwnerSecrets {
  std::optional<tpm::AuthValue> owner, lockout;
};

OwnerSecrets read_owner_secrets(const DeprovisionArguments& arguments) {
  OwnerSecrets secrets;
  if (!arguments.escrow_plain.empty()) {
    const attest::Escrow escrow = read_plain_escrow(arguments.escrow_plain);
    secrets = {escrow.owner_auth, escrow.lockout_auth};
  }
  if (!arguments.owner_auth.empty()) secrets.owner = read_secret(arguments.owner_auth);
  if (!arguments.lockout_auth.empty()) secrets.lockout = read_secret(arguments.lockout_auth);
  return secrets;
}

int deprovision(const Site& site, const DeprovisionArguments& arguments) {
  LogDirectory directory(site.config.data);
  const tpm::Credentials credentials = read_credentials(directory);
  const auto genesis = attest::decode_genesis(*directory.genesis());
  if (!genesis)
    throw CommandError(kConfiguration, site.config.data + ": its genesis cannot be read");
  say_what_is_lost(*genesis, site.config.data, arguments.purge);
  if (!arguments.yes) {
    std::cerr << "stele: nothing was done: give --yes to do it\n";
    return kUsage;
  }
  const OwnerSecrets secrets = read_owner_secrets(arguments);
  if (!directory.lock()) {
    throw CommandError(kTemporary, site.config.data + " is in use: stop steled first");
  }
  tpm::Device device(arguments.tcti.empty() ? site.config.tcti : arguments.tcti);
  tpm::deprovision(device, credentials, genesis->mode, secrets.owner, secrets.lockout,
                   [](std::string_view step) { std::cout << step << std::endl; });
  if (arguments.purge) {
    directory.purge();
    std::cout << site.config.data << " removed\n";
  }
  return kDone;
}

}  // namespace

void add_deprovision(CLI::App& app, const Common& common, int& exit_code) {
  auto arguments = std::make_shared<DeprovisionArguments>();
  CLI::App* command =
      app.add_subcommand("deprovision", "Remove what provision made, after saying what is lost");
  command->add_option("--tcti", arguments->tcti, "The TPM (default: [tpm] tcti)")
      ->type_name("TCTI");
  command->add_flag("--yes", arguments->yes, "Do it; without it, only say what would be lost");
  command->add_flag("--purge", arguments->purge, "Remove the data directory too");
  command->add_option("--owner-auth", arguments->owner_auth, "Mode a: ownerAuth, 64 hex digits")
      ->type_name("FILE");
  command
      ->add_option("--lockout-auth", arguments->lockout_auth, "Mode a: lockoutAuth, 64 hex digits")
      ->type_name("FILE");
  command
      ->add_option("--escrow-plain", arguments->escrow_plain,
                   "Mode a: both, as the decrypted escrow file")
      ->type_name("FILE");
  command->callback([&common, &exit_code, arguments] {
    try {
      exit_code = deprovision(find_site(common), *arguments);
    } catch (const tpm::ProvisionRefused& refused) {
      throw CommandError(kConfiguration, refused.what());
    }
  });
}

}  // namespace stele::tools
