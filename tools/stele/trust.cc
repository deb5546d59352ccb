#include "tools/stele/trust.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "attest/printable.h"
#include "attest/trust.h"
#include "tools/stele/output.h"
#include "tools/stele/site.h"

namespace stele::tools {
namespace {

std::string read_trust(const Site& site) {
  require_log(site);
  const std::string path = site.config.data + "/trust";
  const auto file = storage::posix().open(path, storage::FileSystem::Open::read_only);
  std::string text(file->size(), '\0');
  text.resize(file->read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  const auto trust = attest::parse_trust(text);
  if (!trust) {
    throw CommandError(kMalformed,
                       path + " is not a trust file: " + attest::printable(trust.error().detail));
  }
  return text;
}

void trust(const Common& common, const std::string& output) {
  const std::string text = read_trust(find_site(common));
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
