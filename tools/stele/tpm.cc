#include "tools/stele/tpm.h"

#include <CLI/CLI.hpp>

#include "tools/stele/tpm_selftest.h"
#include "tools/stele/tpm_show.h"

namespace stele::tools {

void add_tpm(CLI::App& app, const Common& common, int& exit_code) {
  CLI::App* tpm = app.add_subcommand("tpm", "Look at the TPM, or put it to the test");
  tpm->require_subcommand(1);
  add_tpm_show(*tpm, common, exit_code);
  add_tpm_selftest(*tpm, common, exit_code);
}

std::string chosen_tcti(const Site& site, const std::string& given) {
  return given.empty() ? site.config.tcti : given;
}

bool daemon_uses(const Site& site, const std::string& tcti) {
  if (tcti != site.config.tcti) return false;
  return ControlClient::connect(site.config.control_unix).has_value();
}

bool serves_one_client(const std::string& tcti) {
  return !tcti.starts_with("device:/dev/tpmrm") && !tcti.starts_with("tabrmd");
}

}  // namespace stele::tools
