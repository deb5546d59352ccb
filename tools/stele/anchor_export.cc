#include "tools/stele/anchor_export.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include "attest/export.h"
#include "tools/stele/anchors.h"
#include "tools/stele/hand_out.h"
#include "tools/stele/number.h"
#include "tools/stele/output.h"
#include "tools/stele/trust_file.h"

namespace stele::tools {
namespace {

struct AnchorExportArguments {
  std::uint64_t seq = 0;
  std::string directory;
};

void export_anchor(const Common& common, const AnchorExportArguments& arguments) {
  const Site site = find_site(common);
  const auto identity = read_trust(site).trust.identity();
  if (!identity) {
    throw CommandError(kMalformed, "the trust file pins no usable key: " + identity.error().detail);
  }
  HandOut access(site, {{"do", "export_anchor"}, {"seq", arguments.seq}});
  const auto anchor = find_anchor(site.config.data, arguments.seq);
  if (!anchor) {
    access.refused("not_in_log");
    throw CommandError(kNoInput, "there is no counter anchor " + std::to_string(arguments.seq) +
                                     " with a receipt; `stele status` shows how many there are");
  }
  std::error_code error;
  std::filesystem::create_directories(arguments.directory, error);
  if (error)
    throw CommandError(kCannotCreate,
                       "cannot create " + arguments.directory + ": " + error.message());
  for (const attest::ExportedFile& file :
       attest::export_receipt(anchor->receipt, *identity, anchor->statement_bytes)) {
    write_output(arguments.directory + "/" + file.name, file.bytes);
    std::cout << arguments.directory << '/' << file.name << '\n';
  }
  access.done();
  // What tpm2_checkquote takes as -q.
  std::cerr << "stele: qualifying data: "
            << attest::to_hex(attest::statement_digest(anchor->statement_bytes)) << '\n';
}

}  // namespace

void add_anchor_export(CLI::App& anchor, const Common& common) {
  auto arguments = std::make_shared<AnchorExportArguments>();
  CLI::App* command = anchor.add_subcommand(
      "export", "Write a counter anchor's receipt as files for tpm2_checkquote and openssl");
  command->add_option("SEQ", arguments->seq, "The counter anchor's number, from 1")
      ->check(is_number())
      ->required();
  command->add_option("-o,--output", arguments->directory, "Where to; made if it is not there")
      ->type_name("DIR")
      ->required();
  command->callback([&common, arguments] { export_anchor(common, *arguments); });
}

}  // namespace stele::tools
