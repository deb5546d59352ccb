#include "tools/stele/trust.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/acknowledge.h"
#include "tools/stele/boot_policy.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

struct Arguments {
  std::string output;
  std::string boot_policy;  // kind or file; empty: as it is
  std::string trust;        // the file to start from; empty: the host's
  bool checkpoint_key = false;
  bool witness_key = false;
};

void give(const std::string& text, const std::string& output) {
  if (output.empty()) {
    std::cout << text;
  } else {
    write_output(output, attest::view(text));
  }
}

// Worth little beside the trust file: whoever is root on the host can sign with it too.
void verifier_key(const Common& common, const std::string& name, const std::string& output) {
  const Site site = find_site(common);
  require_log(site);
  const std::string path = site.config.data + "/" + name;
  if (!storage::posix().exists(path)) {
    throw CommandError(kNoInput,
                       "this log has no key for its checkpoints: run `stele provision` again with "
                       "steled stopped (mode a: with --escrow-plain), then start steled");
  }
  give(read_text_file(path), output);
}

void trust(const Common& common, const Arguments& arguments) {
  const Site site = find_site(common);
  StoredTrust stored =
      arguments.trust.empty() ? read_trust(site) : read_trust_file(arguments.trust);
  std::string& text = stored.text;
  if (!arguments.boot_policy.empty()) {
    const bool is_signed = text != to_text(stored.trust);
    set_boot_policy(site, arguments.boot_policy, stored.trust);
    text = to_text(stored.trust);
    require_trust_fits(text);
    if (is_signed) std::cerr << "stele: the signature does not hold any more: sign it again.\n";
  }
  give(text, arguments.output);
  std::cerr << "stele: give it to the auditor by a way that this host's root does not control.\n"
            << "stele: SHA-256 to compare over another channel: "
            << attest::to_hex(attest::hash(attest::view(text))) << '\n';
}

void add_boot_policy(CLI::App& command, Arguments& arguments) {
  auto* policy = command.add_option(
      "--boot-policy", arguments.boot_policy,
      "With a boot policy: record (judge no boot), exact (add the PCR values of this host's newest "
      "boot), digests (add what its event log measured), ima (add its measured files), or a file "
      "of policy lines");
  policy->type_name("record|exact|digests|ima|FILE");
  command
      .add_option("--trust", arguments.trust,
                  "Set the policy in this trust file instead of the host's copy")
      ->type_name("FILE")
      ->needs(policy);
}

}  // namespace

void add_trust(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("trust", "Print or export the trust file that an auditor pins");
  command->add_option("-o,--output", arguments->output, "Write it to this file")->type_name("FILE");
  add_boot_policy(*command, *arguments);
  command
      ->add_flag("--checkpoint-key", arguments->checkpoint_key,
                 "Instead: the C2SP verifier key of the signature on the log's checkpoints")
      ->excludes("--boot-policy");
  command
      ->add_flag("--witness-key", arguments->witness_key,
                 "Instead: the C2SP verifier key of what this host cosigns for other logs")
      ->excludes("--checkpoint-key")
      ->excludes("--boot-policy");
  add_acknowledge(*command);
  command->callback([&common, arguments, command] {
    if (!command->get_subcommands().empty()) return;  // it has done all
    if (arguments->checkpoint_key) {
      return verifier_key(common, "checkpoint.vkey", arguments->output);
    }
    if (arguments->witness_key) return verifier_key(common, "witness.vkey", arguments->output);
    trust(common, *arguments);
  });
}

}  // namespace stele::tools
