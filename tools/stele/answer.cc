#include "tools/stele/answer.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "attest/base64.h"
#include "tools/stele/output.h"
#include "tools/stele/site.h"

namespace stele::tools {
namespace {

struct AnswerArguments {
  std::string nonce;
  std::string output = "-";
};

void answer(const Common& common, const AnswerArguments& arguments) {
  const auto nonce = attest::hash_from_hex(arguments.nonce);
  if (!nonce)
    throw CommandError(kUsage,
                       "--nonce takes 64 hex digits: 32 random bytes that the auditor chose");
  const boost::json::object reply =
      require_daemon(find_site(common)).ask({{"do", "answer"}, {"nonce", attest::to_hex(*nonce)}});
  const boost::json::string& text = reply.at("answer").as_string();
  const auto bytes = attest::from_base64({text.data(), text.size()});
  if (!bytes) throw CommandError(kUnavailable, "the daemon's answer is not base64");
  write_output(arguments.output, *bytes);
}

}  // namespace

void add_answer(CLI::App& app, const Common& common, int&) {
  auto arguments = std::make_shared<AnswerArguments>();
  CLI::App* command = app.add_subcommand("answer", "Answer an auditor's nonce, live");
  command->add_option("--nonce", arguments->nonce, "The auditor's 32 random bytes")
      ->type_name("HEX")
      ->required();
  command->add_option("-o,--output", arguments->output, "Where to; -: standard output")
      ->type_name("FILE");
  command->callback([&common, arguments] { answer(common, *arguments); });
}

}  // namespace stele::tools
