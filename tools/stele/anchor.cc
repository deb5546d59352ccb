#include "tools/stele/anchor.h"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>

#include "tools/stele/anchor_export.h"
#include "tools/stele/output.h"
#include "tools/stele/site.h"

namespace stele::tools {
namespace {

void anchor(const Common& common, const std::string& format) {
  const boost::json::object reply = require_daemon(find_site(common)).ask({{"do", "anchor"}});
  const auto seq = reply.at("seq").to_number<std::uint64_t>();
  const auto size = reply.at("tree_size").to_number<std::uint64_t>();
  if (format == "json") {
    std::cout << boost::json::serialize(boost::json::object{{"seq", seq}, {"tree_size", size}})
              << '\n';
  } else {
    std::cout << "counter anchor " << seq << " seals " << size << " records\n";
  }
}

}  // namespace

void add_anchor(CLI::App& app, const Common& common, int&) {
  auto format = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("anchor", "Make a counter anchor now, or export one");
  command->require_subcommand(0, 1);
  add_format(*command, *format, {"text", "json"});
  add_anchor_export(*command, common);
  command->callback([&common, format, command] {
    if (command->get_subcommands().empty()) anchor(common, *format);
  });
}

}  // namespace stele::tools
