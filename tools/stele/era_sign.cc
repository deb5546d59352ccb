#include "tools/stele/era_sign.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "tools/stele/auditor_key.h"
#include "tools/stele/era_approval.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"
#include "tools/stele/required.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

struct EraSignArguments {
  std::string request, key, name, output = "-";
  EraApproval approval;
};

void sign(const EraSignArguments& arguments) {
  const attest::NoteSigner signer = read_signer(arguments.key, arguments.name);
  attest::EraRequest request =
      required(attest::parse_era_request(read_text_file(arguments.request)), arguments.request);
  approve_era(request, arguments.approval);
  const std::string text = attest::to_text(signer.sign(attest::to_text(request.trust)));
  require_trust_fits(text);
  write_output(arguments.output, attest::view(text));
  std::cerr << "signed; verify with --trust " << arguments.output
            << " --auditor-key FILE, where FILE holds\n"
            << attest::to_text(signer.key()) << '\n';
}

void add_key_options(CLI::App& command, EraSignArguments& arguments) {
  command
      .add_option("--auditor-key-file", arguments.key,
                  "An Ed25519 key (openssl genpkey -algorithm ed25519)")
      ->type_name("FILE")
      ->required();
  command.add_option("--name", arguments.name, "The key's name in notes, e.g. auditor.example")
      ->type_name("NAME")
      ->required();
  command.add_option("-o,--output", arguments.output, "Where to; -: standard output")
      ->type_name("FILE");
}

}  // namespace

void add_era_sign(CLI::App& era, int&) {
  auto arguments = std::make_shared<EraSignArguments>();
  CLI::App* command =
      era.add_subcommand("sign", "The auditor's: approve a request by signing its trust file");
  command->add_option("REQUEST", arguments->request, "What `stele era request` wrote")->required();
  command->add_option("--trust", arguments->approval.previous, "Your own trust file of the era that ended")
      ->type_name("FILE")
      ->required();
  add_key_options(*command, *arguments);
  add_approval_options(*command, arguments->approval);
  command->callback([arguments] { sign(*arguments); });

  auto key = std::make_shared<EraSignArguments>();
  CLI::App* print =
      era.add_subcommand("key", "Print a signing key's verifier key, for --auditor-key");
  add_key_options(*print, *key);
  print->callback([key] {
    write_output(key->output, attest::view(attest::to_text(read_signer(key->key, key->name).key()) + "\n"));
  });
}

}  // namespace stele::tools
