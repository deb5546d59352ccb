#include "tools/stele/era_finish.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>
#include <optional>

#include "attest/era.h"
#include "tools/stele/era_directory.h"
#include "tools/stele/escrow_file.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/site.h"
#include "tpm/credentials.h"
#include "tpm/error.h"
#include "tpm/provision.h"

namespace stele::tools {
namespace {

struct EraFinishArguments {
  std::string signed_trust, auditor_key, tcti, escrow_plain;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

// Of the very eras that the host's own trust file pins, and signed.
void check_signed(const std::string& text, const EraFinishArguments& arguments,
                  const std::string& own) {
  const std::string key = first_line(read_text_file(arguments.auditor_key));
  auto trust = attest::parse_trust(text, key);
  if (!trust) {
    throw CommandError(kMalformed, arguments.signed_trust + ": " +
                                       std::string(name(trust.error().fault)) + ": " +
                                       trust.error().detail);
  }
  auto written = attest::parse_trust(own);
  if (!written) throw CommandError(kConfiguration, "the trust file of this log cannot be read");
  if (trust->era == 0 || !attest::same_era(*trust, *written) ||
      !attest::same_eras(trust->earlier, written->earlier)) {
    throw CommandError(kConfiguration, arguments.signed_trust +
                                           " is not the approval of this log's newest era: ask for "
                                           "that with `stele era request`");
  }
}

void retire(const EraDirectory& directory, const Site& site, const EraFinishArguments& arguments) {
  const auto text = directory.ended_secrets();
  if (!text) return;
  const auto ended = tpm::parse_credentials(*text);
  if (!ended) throw CommandError(kConfiguration, "ended-secrets: " + ended.error().detail);
  std::optional<tpm::AuthValue> owner;
  if (!arguments.escrow_plain.empty()) owner = read_plain_escrow(arguments.escrow_plain).owner_auth;
  tpm::Device device(arguments.tcti.empty() ? site.config.tcti : arguments.tcti);
  tpm::retire(device, *ended, owner,
              [](std::string_view step) { std::cout << "the ended era: " << step << std::endl; });
}

// No daemon runs that could record it: the log's own records of who finished an era, and what of
// it.
class FinishRecord {
 public:
  FinishRecord(EraDirectory& directory, const std::string& signed_trust) : directory_(directory) {
    const std::string sha256 = attest::to_hex(attest::hash(attest::view(signed_trust)));
    const boost::json::object request{{"do", "era_finish"}, {"trust_sha256", sha256}};
    asked_ = directory_.keep_access(boost::json::serialize(boost::json::object{
        {"gid", ::getgid()}, {"pid", ::getpid()}, {"request", request}, {"uid", ::getuid()}}));
  }
  void done() { keep({{"asked", asked_}, {"outcome", "done"}}); }
  // reason: of daemon/refusal_cause.h.
  void broken_off(const char* reason) {
    keep({{"asked", asked_}, {"outcome", "broken_off"}, {"reason", reason}});
  }

 private:
  void keep(const boost::json::object& outcome) {
    directory_.keep_access(boost::json::serialize(outcome));
  }
  EraDirectory& directory_;
  std::uint64_t asked_ = 0;
};

void finish(const Site& site, const EraFinishArguments& arguments) {
  EraDirectory directory(site.config.data);
  require_log(site);
  if (!directory.lock()) {
    throw CommandError(kTemporary, site.config.data + " is in use: stop steled first");
  }
  const std::string text = read_text_file(arguments.signed_trust);
  const std::string own = directory.trust();
  check_signed(text, arguments, own);
  // Asked again once all is done, it changes nothing.
  std::optional<FinishRecord> record;
  if (own != text || directory.ended_secrets()) record.emplace(directory, text);
  try {
    if (own != text) directory.keep_trust(text);
    retire(directory, site, arguments);
  } catch (const tpm::TpmError&) {
    if (record) record->broken_off("tpm_unavailable");
    throw;
  } catch (const std::exception&) {
    if (record) record->broken_off("io_error");
    throw;
  }
  if (record) record->done();
  directory.forget_ended();
  std::cout << "approved: " << site.config.data << "/trust is the signed trust file\n";
}

}  // namespace

void add_era_finish(CLI::App& era, const Common& common, int&) {
  auto arguments = std::make_shared<EraFinishArguments>();
  CLI::App* command = era.add_subcommand(
      "finish", "Keep the auditor's approval and remove the ended era's key and indexes");
  command->add_option("SIGNED", arguments->signed_trust, "What `stele era sign` wrote")->required();
  command
      ->add_option("--auditor-key", arguments->auditor_key, "File with the auditor's verifier key")
      ->type_name("FILE")
      ->required();
  command->add_option("--tcti", arguments->tcti, "The TPM (default: [tpm] tcti)")
      ->type_name("TCTI");
  command
      ->add_option("--escrow-plain", arguments->escrow_plain,
                   "Mode a, on the same TPM: the escrow file, decrypted by the auditor")
      ->type_name("FILE");
  command->callback([&common, arguments] {
    try {
      finish(find_site(common), *arguments);
    } catch (const tpm::ProvisionRefused& refused) {
      throw CommandError(kConfiguration, refused.what());
    }
  });
}

}  // namespace stele::tools
