#include "tools/stele/prove.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "tools/stele/log_reader.h"
#include "tools/stele/number.h"
#include "tools/stele/output.h"

namespace stele::tools {
namespace {

constexpr std::uint64_t kWaitSeconds = 4000;    // a heartbeat of an hour, and some slack
constexpr std::uint64_t kMaxWaitSeconds = 86'400;

struct ProveArguments {
  std::uint64_t index = 0;
  bool content = false;
  std::string format = "proof";
  bool wait = false;
  std::uint64_t at_most = kWaitSeconds;
  std::string output = "-";
};

}  // namespace

void add_prove(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<ProveArguments>();
  CLI::App* command = app.add_subcommand("prove", "Write the proof of one record");
  command->add_option("INDEX", arguments->index, "The record's number, from 0")
      ->check(is_number())
      ->required();
  command->add_option("-o,--output", arguments->output, "Where to; -: standard output")
      ->type_name("FILE");
  command->add_flag("--content", arguments->content, "Put the record's content into the proof");
  command->add_option("--format", arguments->format,
                      "proof: Stele's own; tlog-proof: C2SP's text, at most 3 KiB")
      ->check(CLI::IsMember({"proof", "tlog-proof"}))
      ->capture_default_str();
  CLI::Option* wait = command->add_flag(
      "--wait", arguments->wait, "Wait until a counter anchor covers the record; makes none itself");
  command->add_option("--at-most", arguments->at_most, "How long to wait; then exit code 75")
      ->type_name("SECONDS")
      ->check(is_number())
      ->check(CLI::Range(std::uint64_t{1}, kMaxWaitSeconds))
      ->needs(wait)
      ->capture_default_str();
  command->callback([&common, arguments] {
    LogReader reader(common);
    if (arguments->wait) {
      reader.wait_until_sealed(arguments->index, std::chrono::seconds(arguments->at_most));
    }
    const bool as_tlog_proof = arguments->format == "tlog-proof";
    write_output(arguments->output,
                 as_tlog_proof ? reader.prove_to_tlogs(arguments->index, arguments->content)
                               : reader.prove(arguments->index, arguments->content));
  });
}

}  // namespace stele::tools
