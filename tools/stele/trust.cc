#include "tools/stele/trust.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

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

void trust(const Common& common, const std::string& output) {
  const std::string text = read_trust(find_site(common)).text;
  give(text, output);
  std::cerr << "stele: give it to the auditor by a way that this host's root does not control.\n"
            << "stele: SHA-256 to compare over another channel: "
            << attest::to_hex(attest::hash(attest::view(text))) << '\n';
}

}  // namespace

void add_trust(CLI::App& app, const Common& common, int&) {
  auto output = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("trust", "Print or export the trust file that an auditor pins");
  command->add_option("-o,--output", *output, "Write it to this file")->type_name("FILE");
  auto key = std::make_shared<bool>(false);
  command->add_flag("--checkpoint-key", *key,
                    "Instead: the C2SP verifier key of the signature on the log's checkpoints");
  auto witness = std::make_shared<bool>(false);
  command
      ->add_flag("--witness-key", *witness,
                 "Instead: the C2SP verifier key of what this host cosigns for other logs")
      ->excludes("--checkpoint-key");
  command->callback([&common, output, key, witness] {
    if (*key) return verifier_key(common, "checkpoint.vkey", *output);
    if (*witness) return verifier_key(common, "witness.vkey", *output);
    trust(common, *output);
  });
}

}  // namespace stele::tools
