// stele: the operator's tool.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "attest/printable.h"
#include "daemon/config.h"
#include "storage/store.h"
#include "tools/stele/anchor.h"
#include "tools/stele/answer.h"
#include "tools/stele/append.h"
#include "tools/stele/bundle.h"
#include "tools/stele/challenge.h"
#include "tools/stele/command.h"
#include "tools/stele/config.h"
#include "tools/stele/deprovision.h"
#include "tools/stele/enroll.h"
#include "tools/stele/era.h"
#include "tools/stele/lock.h"
#include "tools/stele/look_up.h"
#include "tools/stele/prove.h"
#include "tools/stele/provision.h"
#include "tools/stele/query.h"
#include "tools/stele/show.h"
#include "tools/stele/status.h"
#include "tools/stele/tpm.h"
#include "tools/stele/trust.h"

namespace {

using namespace stele::tools;

void add_commands(CLI::App& app, const Common& common, int& exit_code) {
  add_provision(app, common, exit_code);
  add_deprovision(app, common, exit_code);
  add_enroll(app, exit_code);
  add_lock(app, common, exit_code);
  add_era(app, common, exit_code);
  add_append(app, common, exit_code);
  add_anchor(app, common, exit_code);
  add_answer(app, common, exit_code);
  add_challenge(app, common, exit_code);
  add_status(app, common, exit_code);
  add_query(app, common, exit_code);
  add_show(app, common, exit_code);
  add_prove(app, common, exit_code);
  add_bundle(app, common, exit_code);
  add_trust(app, common, exit_code);
  add_config(app, common, exit_code);
  add_look_up(app, common, exit_code);
  add_tpm(app, common, exit_code);
}

int code_of(const std::system_error& error) {
  if (error.code().category() != std::generic_category() &&
      error.code().category() != std::system_category()) {
    return kUnavailable;
  }
  switch (error.code().value()) {
    case EACCES:
    case EPERM:
      return kPermission;
    case ENOENT:
    case EISDIR:
    case ENOTDIR:
      return kNoInput;
    default:
      return kIoError;
  }
}

int fail(int code, const std::string& message) {
  std::cerr << "stele: " << stele::attest::printable(message) << std::endl;
  return code;
}

int usage(const CLI::App& app, const CLI::ParseError& error) {
  // CLI11 says what is missing, not which word it did not know in its place.
  const std::vector<std::string> unknown = app.remaining(true);
  if (error.get_name() == "RequiredError" && !unknown.empty()) {
    return fail(kUsage, "'" + unknown[0] + "' is no command or option here; --help lists them");
  }
  return app.exit(error) == 0 ? kDone : kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  Common common;
  int exit_code = kDone;
  CLI::App app{"Keeps a tamper-evident log, anchored in a TPM: the operator's tool.", "stele"};
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("stele ") + STELE_VERSION);
  auto* config = app.add_option("--config", common.config_path, "The daemon's configuration file")
                     ->type_name("FILE")
                     ->capture_default_str();
  app.add_option("--data", common.data, "The data directory (default: as the configuration says)")
      ->type_name("DIR");
  app.parse_complete_callback([&] { common.config_given = config->count() > 0; });
  add_commands(app, common, exit_code);
  for (CLI::App* command : app.get_subcommands({})) {
    command->footer("Every command also takes --config FILE, --data DIR and --version.");
  }
  try {
    app.parse(argc, argv);
    std::cout.flush();
    return std::cout ? exit_code : fail(kIoError, "cannot write to standard output");
  } catch (const CLI::ParseError& error) {
    return usage(app, error);
  } catch (const CommandError& error) {
    return fail(error.code(), error.what());
  } catch (const stele::daemon::ConfigError& error) {
    return fail(kConfiguration, error.what());
  } catch (const stele::storage::Damage& error) {
    return fail(kMalformed, std::string(error.what()) + "; stele-verify says what it means");
  } catch (const std::system_error& error) {
    return fail(code_of(error), error.what());
  } catch (const std::exception& error) {
    return fail(kSoftware, error.what());
  }
}
