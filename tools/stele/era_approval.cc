#include "tools/stele/era_approval.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "attest/appraiser.h"
#include "attest/printable.h"
#include "tools/stele/boot_policy.h"
#include "tools/stele/log_directory.h"
#include "tools/stele/required.h"

namespace stele::tools {
namespace {

// That the request follows the very era, and the eras before it, that the auditor's own file pins.
// What a host only says of those is not taken over.
void take_known(attest::EraRequest& request, const std::string& path) {
  const attest::TrustFile known = required(attest::parse_trust(read_text_file(path)), path);
  auto& earlier = request.trust.earlier;
  if (earlier.empty() || !attest::same_era(earlier[0].pins, known) ||
      !attest::same_eras({earlier.begin() + 1, earlier.end()}, known.earlier)) {
    throw CommandError(
        kTampered, "the request does not follow the era that " + path + " pins: do not sign it");
  }
  // How the new era's TPM was enrolled or locked nobody here knows, and which boots are known or what
  // is acknowledged is not the host's to say; of those before the auditor's file says all of it.
  request.trust.forget_what_only_an_auditor_can_say();
  earlier[0].pins = known;
  earlier.resize(1);
  earlier.insert(earlier.end(), known.earlier.begin(), known.earlier.end());
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

attest::Hash wanted_nonce(const std::string& nonce) {
  const auto wanted = attest::hash_from_hex(nonce);
  if (!wanted) throw CommandError(kUsage, "--nonce takes 32 bytes as 64 hexadecimal digits");
  return *wanted;
}

bool is_fresh(const attest::Genesis& genesis, const std::string& nonce) {
  if (nonce.empty()) return false;
  const auto end = attest::era_end_of(genesis);
  return end && end->shown && end->shown->nonce == wanted_nonce(nonce);
}

void say_what_ended(const attest::EraRequest& request, const attest::EraGap& gap, bool confirmed) {
  const attest::EarlierEra& before = request.trust.earlier[0];
  std::cerr << "era " << request.trust.era << " of " << attest::printable(request.trust.origin)
            << " follows era " << before.pins.era << ", which ended at anchor " << before.seq
            << "; " << before.size << " records go on\n"
            << (confirmed ? "its TPM confirmed that end for this nonce\n"
                : gap.lost > 0
                    ? "its TPM shows " + std::to_string(gap.lost) + " steps of C beyond that end\n"
                    : std::string("its TPM did not confirm that end for a nonce of yours\n"));
}

}  // namespace

void check_approval(const EraApproval& approval) {
  if (!approval.nonce.empty()) wanted_nonce(approval.nonce);
  if (!approval.boot_policy.empty()) read_boot_policy(approval.boot_policy);
  if (!approval.memory.empty()) {
    required(attest::parse_memory(read_text_file(approval.memory)), approval.memory);
  }
  required(attest::parse_trust(read_text_file(approval.previous)), approval.previous);
}

void approve_era(attest::EraRequest& request, const EraApproval& approval) {
  take_known(request, approval.previous);
  if (!approval.boot_policy.empty()) {
    request.trust.boot_policy = read_boot_policy(approval.boot_policy);
  }
  attest::EarlierEra& before = request.trust.earlier[0];
  const attest::EraGap gap =
      required(attest::verify_succession(request.genesis, request.trust, before), "the request");
  const attest::Genesis genesis = required(attest::decode_genesis(request.genesis), "the genesis");
  const bool confirmed = gap.confirmed && is_fresh(genesis, approval.nonce);
  say_what_ended(request, gap, confirmed);
  if (!confirmed && !approval.accept_lost) {
    throw CommandError(
        kUndetermined,
        "whether anchors are missing cannot be told: to approve all the same, say how "
        "many you give up with --accept-lost N (0: none that you know of)");
  }
  before.lost = approval.accept_lost.value_or(0);
  if (before.lost < gap.lost) {
    throw CommandError(kUndetermined, "the ended era's TPM shows more than --accept-lost " +
                                          std::to_string(before.lost) + " gives up");
  }
  if (!approval.memory.empty()) check_memory(before, approval.memory);
}

void add_approval_options(CLI::App& command, EraApproval& approval) {
  command.add_option("--nonce", approval.nonce, "The nonce that you gave for `stele era begin`")
      ->type_name("HEX");
  command.add_option("--memory", approval.memory, "What you remember of the era that ended")
      ->type_name("FILE");
  command
      .add_option("--boot-policy", approval.boot_policy,
                  "Lines of your boot policy for the new era; without them it has none")
      ->type_name("FILE");
  command
      .add_option("--accept-lost", approval.accept_lost,
                  "Anchors after the era's end that you give up: what they covered may be gone")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{0xffffffff}));
}

}  // namespace stele::tools
