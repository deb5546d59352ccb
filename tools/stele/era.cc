#include "tools/stele/era.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/era_begin.h"
#include "tools/stele/era_directory.h"
#include "tools/stele/era_finish.h"
#include "tools/stele/era_sign.h"
#include "tools/stele/hand_out.h"
#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

void request(const Common& common, const std::string& output) {
  const Site site = find_site(common);
  attest::TrustFile trust = read_trust(site).trust;
  if (trust.era == 0) {
    throw CommandError(kNoInput, site.config.data + " is in its first era: nothing to approve");
  }
  HandOut access(site, {{"do", "era_request"}});
  const auto genesis = EraDirectory(site.config.data).newest_genesis();
  if (!genesis || attest::log_id(*genesis) != trust.log_id) {
    access.refused("not_in_log");
    throw CommandError(kConfiguration, site.config.data +
                                           "/trust is not that of the newest era: run `stele era "
                                           "begin` to its end");
  }
  const std::string text = attest::to_text(attest::EraRequest{*genesis, std::move(trust)});
  write_output(output, attest::view(text));
  access.done();
  std::cerr << "stele: give it to the auditor, who signs it with `stele era sign`\n"
            << "stele: SHA-256 to compare over another channel: "
            << attest::to_hex(attest::hash(attest::view(text))) << '\n';
}

}  // namespace

void add_era(CLI::App& app, const Common& common, int& exit_code) {
  CLI::App* era = app.add_subcommand(
      "era", "Begin a new era of a log after its TPM or store was lost, and have it approved");
  era->require_subcommand(1);
  add_era_begin(*era, common, exit_code);
  auto output = std::make_shared<std::string>("-");
  CLI::App* command = era->add_subcommand("request", "Write what the auditor is asked to approve");
  command->add_option("-o,--output", *output, "Where to; -: standard output")->type_name("FILE");
  command->callback([&common, output] { request(common, *output); });
  add_era_sign(*era, exit_code);
  add_era_finish(*era, common, exit_code);
}

}  // namespace stele::tools
