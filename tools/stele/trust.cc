#include "tools/stele/trust.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

void trust(const Common& common, const std::string& output) {
  const std::string text = read_trust(find_site(common)).text;
  if (output.empty()) {
    std::cout << text;
  } else {
    write_output(output, attest::view(text));
  }
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
  command->callback([&common, output] { trust(common, *output); });
}

}  // namespace stele::tools
