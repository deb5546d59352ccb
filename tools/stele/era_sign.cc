#include "tools/stele/era_sign.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "attest/appraiser.h"
#include "attest/era.h"
#include "attest/note_signer.h"
#include "attest/printable.h"
#include "tools/stele/boot_policy.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/output.h"

namespace stele::tools {
namespace {

struct Arguments {
  std::string request, trust, key, name, nonce, memory, boot_policy, output = "-";
  std::optional<std::uint64_t> accept_lost;
};

attest::NoteSigner read_signer(const Arguments& arguments) {
  try {
    return {read_text_file(arguments.key), arguments.name};
  } catch (const std::invalid_argument& error) {
    throw CommandError(kMalformed, arguments.key + ": " + error.what());
  }
}

template <class T>
T required(attest::Result<T> result, const std::string& what) {
  if (result) return *std::move(result);
  throw CommandError(kMalformed, what + ": " + std::string(name(result.error().fault)) + ": " +
                                     result.error().detail);
}

// That the request follows the very era, and the eras before it, that the auditor's own file pins.
// Of boot policies the auditor's alone are signed, whatever the request holds.
void take_previous(attest::EraRequest& request, const std::string& path) {
  const attest::TrustFile mine = required(attest::parse_trust(read_text_file(path)), path);
  const attest::TrustFile known = without_boot_policies(mine);
  request.trust = without_boot_policies(std::move(request.trust));
  auto& earlier = request.trust.earlier;
  const bool same =
      !earlier.empty() && earlier[0].pins == static_cast<const attest::TrustPins&>(known) &&
      std::equal(earlier.begin() + 1, earlier.end(), known.earlier.begin(), known.earlier.end());
  if (same) {
    earlier[0].pins = mine;
    std::copy(mine.earlier.begin(), mine.earlier.end(), earlier.begin() + 1);
  } else {
    throw CommandError(
        kTampered, "the request does not follow the era that " + path + " pins: do not sign it");
  }
}

// What was seen of the ended era must be in it, or be given up by name.
void check_memory(const attest::EarlierEra& before, const std::string& path) {
  const attest::Memory memory = required(attest::parse_memory(read_text_file(path)), path);
  if (memory.log_id != before.pins.log_id) {
    throw CommandError(kUsage, path + " remembers another era than the one that ended");
  }
  if (memory.seq > before.seq && memory.seq - before.seq > before.lost) {
    throw CommandError(kTampered, "anchor " + std::to_string(memory.seq) +
                                      " was seen, the request ends the era at anchor " +
                                      std::to_string(before.seq) + " and gives up " +
                                      std::to_string(before.lost) + ": do not sign it");
  }
}

bool is_fresh(const attest::Genesis& genesis, const std::string& nonce) {
  if (nonce.empty()) return false;
  const auto wanted = attest::hash_from_hex(nonce);
  if (!wanted) throw CommandError(kUsage, "--nonce takes 32 bytes as 64 hexadecimal digits");
  const auto end = attest::era_end_of(genesis);
  return end && end->shown && end->shown->nonce == *wanted;
}

void sign(const Arguments& arguments) {
  const attest::NoteSigner signer = read_signer(arguments);
  attest::EraRequest request =
      required(attest::parse_era_request(read_text_file(arguments.request)), arguments.request);
  take_previous(request, arguments.trust);
  if (!arguments.boot_policy.empty())
    request.trust.boot_policy = read_boot_policy(arguments.boot_policy);
  attest::EarlierEra& before = request.trust.earlier[0];
  const attest::EraGap gap =
      required(attest::verify_succession(request.genesis, request.trust, before), "the request");
  const attest::Genesis genesis = required(attest::decode_genesis(request.genesis), "the genesis");
  const bool confirmed = gap.confirmed && is_fresh(genesis, arguments.nonce);
  std::cerr << "era " << request.trust.era << " of " << attest::printable(request.trust.origin)
            << " follows era " << before.pins.era << ", which ended at anchor " << before.seq
            << "; " << before.size << " records go on\n"
            << (confirmed ? "its TPM confirmed that end for this nonce\n"
                : gap.lost > 0
                    ? "its TPM shows " + std::to_string(gap.lost) + " steps of C beyond that end\n"
                    : std::string("its TPM did not confirm that end for a nonce of yours\n"));
  if (!confirmed && !arguments.accept_lost) {
    throw CommandError(
        kUndetermined,
        "whether anchors are missing cannot be told: to approve all the same, say how "
        "many you give up with --accept-lost N (0: none that you know of)");
  }
  before.lost = arguments.accept_lost.value_or(0);
  if (before.lost < gap.lost) {
    throw CommandError(kUndetermined, "the ended era's TPM shows more than --accept-lost " +
                                          std::to_string(before.lost) + " gives up");
  }
  if (!arguments.memory.empty()) check_memory(before, arguments.memory);
  write_output(arguments.output,
               attest::view(attest::to_text(signer.sign(attest::to_text(request.trust)))));
  std::cerr << "signed; verify with --trust " << arguments.output
            << " --auditor-key FILE, where FILE holds\n"
            << attest::to_text(signer.key()) << '\n';
}

void add_key_options(CLI::App& command, Arguments& arguments) {
  command.add_option("--key", arguments.key, "An Ed25519 key (openssl genpkey -algorithm ed25519)")
      ->type_name("FILE")
      ->required();
  command.add_option("--name", arguments.name, "The key's name in notes, e.g. auditor.example")
      ->type_name("NAME")
      ->required();
  command.add_option("-o,--output", arguments.output, "Where to; -: standard output")
      ->type_name("FILE");
}

}  // namespace

void add_era_sign(CLI::App& era, int&) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      era.add_subcommand("sign", "The auditor's: approve a request by signing its trust file");
  command->add_option("REQUEST", arguments->request, "What `stele era request` wrote")->required();
  command->add_option("--trust", arguments->trust, "Your own trust file of the era that ended")
      ->type_name("FILE")
      ->required();
  add_key_options(*command, *arguments);
  command->add_option("--nonce", arguments->nonce, "The nonce that you gave for `stele era begin`")
      ->type_name("HEX");
  command->add_option("--memory", arguments->memory, "What you remember of the era that ended")
      ->type_name("FILE");
  command
      ->add_option("--accept-lost", arguments->accept_lost,
                   "Anchors after the era's end that you give up: what they covered may be gone")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{0xffffffff}));
  command
      ->add_option("--boot-policy", arguments->boot_policy,
                   "Lines of your boot policy for the new era; without them it has none")
      ->type_name("FILE");
  command->callback([arguments] { sign(*arguments); });

  auto key = std::make_shared<Arguments>();
  CLI::App* print =
      era.add_subcommand("key", "Print a signing key's verifier key, for --auditor-key");
  add_key_options(*print, *key);
  print->callback([key] {
    write_output(key->output, attest::view(attest::to_text(read_signer(*key).key()) + "\n"));
  });
}

}  // namespace stele::tools
