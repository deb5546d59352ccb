#include "tools/stele/config.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "daemon/config.h"

namespace stele::tools {

void add_config(CLI::App& app, const Common& common, int&) {
  auto print = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("config", "Look at the configuration");
  command->require_subcommand(1);
  CLI::App* check =
      command->add_subcommand("check", "Refuse unknown keys and bad values, with their place");
  check->add_flag("--print", *print, "Print the values that hold, as TOML");
  check->footer("The keys:\n\n" + daemon::describe_config());
  check->callback([&common, print] {
    const daemon::Config config = daemon::load_config(common.config_path, {});
    if (*print) {
      std::cout << daemon::to_toml(config);
    } else {
      const bool there = std::filesystem::exists(common.config_path);
      std::cout << common.config_path << (there ? " is good\n" : " is absent: the defaults hold\n");
    }
  });
}

}  // namespace stele::tools
