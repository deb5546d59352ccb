#include "tools/stele/prove.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "tools/stele/log_reader.h"
#include "tools/stele/number.h"
#include "tools/stele/output.h"

namespace stele::tools {
namespace {

struct Arguments {
  std::uint64_t index = 0;
  bool content = false;
  std::string output = "-";
};

}  // namespace

void add_prove(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("prove", "Write the proof of one record");
  command->add_option("INDEX", arguments->index, "The record's number, from 0")
      ->check(is_number())
      ->required();
  command->add_option("-o,--output", arguments->output, "Where to; -: standard output")
      ->type_name("FILE");
  command->add_flag("--content", arguments->content, "Put the record's content into the proof");
  command->callback([&common, arguments] {
    write_output(arguments->output, LogReader(common).prove(arguments->index, arguments->content));
  });
}

}  // namespace stele::tools
