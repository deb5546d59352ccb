#include "tools/stele/trust.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/boot_policy.h"
#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

struct Arguments {
  std::string output;
  std::string boot_policy;  // kind or file; empty: as it is
  std::string trust;        // the file to start from; empty: the host's
};

void trust(const Common& common, const Arguments& arguments) {
  const Site site = find_site(common);
  StoredTrust stored =
      arguments.trust.empty() ? read_trust(site) : read_trust_file(arguments.trust);
  std::string& text = stored.text;
  if (!arguments.boot_policy.empty()) {
    const bool is_signed = text != to_text(stored.trust);
    set_boot_policy(site, arguments.boot_policy, stored.trust);
    text = to_text(stored.trust);
    if (is_signed) std::cerr << "stele: the signature does not hold any more: sign it again.\n";
  }
  if (arguments.output.empty()) {
    std::cout << text;
  } else {
    write_output(arguments.output, attest::view(text));
  }
  std::cerr << "stele: give it to the auditor by a way that this host's root does not control.\n"
            << "stele: SHA-256 to compare over another channel: "
            << attest::to_hex(attest::hash(attest::view(text))) << '\n';
}

}  // namespace

void add_trust(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("trust", "Print or export the trust file that an auditor pins");
  command->add_option("-o,--output", arguments->output, "Write it to this file")->type_name("FILE");
  auto* policy = command->add_option(
      "--boot-policy", arguments->boot_policy,
      "With a boot policy: record (judge no boot), exact (add the PCR values of this host's newest "
      "boot), digests (add what its event log measured), ima (add its measured files), or a file "
      "of policy lines");
  policy->type_name("record|exact|digests|ima|FILE");
  command
      ->add_option("--trust", arguments->trust,
                   "Set the policy in this trust file instead of the host's copy")
      ->type_name("FILE")
      ->needs(policy);
  command->callback([&common, arguments] { trust(common, *arguments); });
}

}  // namespace stele::tools
