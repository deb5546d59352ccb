#include "tools/stele/boot_policy.h"

#include <algorithm>
#include <iostream>

#include "attest/boot/measurement_replay.h"
#include "attest/boot/policy_text.h"
#include "attest/entry.h"
#include "storage/boot_log_reader.h"
#include "storage/file_system.h"
#include "storage/store_reader.h"
#include "tools/stele/hand_out.h"

namespace stele::tools {
namespace {

using attest::Bytes;
namespace boot = attest::boot;

constexpr boot::Algorithm kBank = boot::Algorithm::sha256;
constexpr std::uint32_t kFirmwarePcrs = 8;
constexpr std::size_t kMaxPolicyBytes = 1u << 20;  // kMaxPolicyRules lines fit

Bytes to_bytes(const attest::Hash& hash) {
  return Bytes(hash.bytes.begin(), hash.bytes.end());
}

// The newest boot bundle, and what is there of its logs.
struct NewestBoot {
  attest::Bundle bundle;
  std::optional<Bytes> event_log, measurements;
};

std::optional<Bytes> verified_log(std::optional<attest::ByteView> log, const attest::Hash& named) {
  if (!log) return std::nullopt;
  if (attest::hash(*log) != named) {
    throw CommandError(kMalformed, "boot/" + attest::to_hex(named) +
                                       " is not the log that its boot bundle commits to: verify "
                                       "the log (stele-verify)");
  }
  return Bytes(log->begin(), log->end());
}

NewestBoot read_newest_boot(const Site& site, const attest::TrustFile& trust) {
  storage::EntryReader entries(storage::posix(), site.config.data);
  Bytes newest;
  while (auto entry = entries.next()) {
    if (entry->kind == static_cast<std::uint8_t>(attest::EntryKind::bundle))
      newest = std::move(entry->payload);
  }
  if (newest.empty()) {
    throw CommandError(kNoInput, site.config.data +
                                     " has no boot bundle yet: start the daemon once (steled), "
                                     "then write the policy");
  }
  const auto identity = trust.identity();
  const auto verified = identity ? verify_bundle(newest, *identity)
                                 : attest::Result<attest::VerifiedBundle>(identity.error());
  if (!verified) {
    throw CommandError(kMalformed, "the newest boot bundle is not one of the trust file's key (" +
                                       std::string(name(verified.error().fault)) +
                                       "): is it the trust file of this log?");
  }
  NewestBoot out{*attest::decode_bundle(newest), {}, {}};
  storage::BootLogReader reader(storage::posix(), site.config.data);
  const attest::BootLogs logs = reader.read(newest);
  out.event_log = verified_log(logs.event_log, out.bundle.event_log_hash);
  out.measurements = verified_log(logs.measurements, out.bundle.ima_hash);
  return out;
}

void add_values(const NewestBoot& newest, boot::BootPolicy& policy) {
  for (std::uint32_t pcr = 0; pcr < kFirmwarePcrs; ++pcr)
    policy.values[pcr].insert(to_bytes(newest.bundle.quote.pcrs[pcr]));
}

// What the log extended, where it gives the quoted value; elsewhere the value itself.
void add_digests(const NewestBoot& newest, boot::BootPolicy& policy) {
  boot::PcrValues quoted;
  for (std::uint32_t pcr = 0; pcr < kFirmwarePcrs; ++pcr)
    quoted[pcr] = to_bytes(newest.bundle.quote.pcrs[pcr]);
  if (!newest.event_log) {
    throw CommandError(kNoInput,
                       "this boot left no firmware event log: pin its values (exact), or let the "
                       "daemon read one ([boot] event_log)");
  }
  const auto log = boot::parse_event_log(*newest.event_log);
  if (!log) {
    throw CommandError(kMalformed, "the firmware's event log cannot be read (" +
                                       std::string(name(log.error().fault)) + " at byte " +
                                       std::to_string(log.error().at.value) +
                                       "): pin its values (exact)");
  }
  for (const auto& [pcr, explanation] : explain(*log, kBank, quoted)) {
    if (explanation != boot::Explanation::explained) {
      policy.values[pcr].insert(quoted[pcr]);
      std::cerr << "stele: PCR " << pcr << " is pinned by its value: the event log is "
                << name(explanation) << " for it.\n";
      continue;
    }
    for (const boot::Event& event : log->events) {
      if (!event.extends() || event.pcr != pcr) continue;
      const boot::EventDigest* digest = event.digest(kBank);
      policy.digests[pcr].insert(Bytes(digest->bytes.begin(), digest->bytes.end()));
    }
  }
}

void add_files(const NewestBoot& newest, boot::BootPolicy& policy) {
  if (!newest.bundle.ima || !newest.measurements) {
    throw CommandError(kNoInput,
                       "this boot has no quoted IMA list: is IMA on (ima_policy= on the kernel's "
                       "command line), and may the daemon read its list ([boot] ima_list)?");
  }
  const auto list = boot::parse_measurement_list(*newest.measurements);
  const auto part = list ? explain(*list, kBank, to_bytes(newest.bundle.ima->pcr10)) : std::nullopt;
  if (!part) {
    throw CommandError(kMalformed,
                       "the IMA list does not give the quoted PCR 10, so what was measured is not "
                       "known");
  }
  for (std::size_t i = 0; i < part->entries; ++i) {
    const boot::Measurement& entry = list->entries[i];
    if (entry.pcr != boot::kImaPcr || entry.violation()) continue;
    policy.digests[boot::kImaPcr].insert(*extended_by(entry, *list, kBank, part->form));
  }
  if (part->violations > 0) {
    std::cerr << "stele: " << part->violations
              << " measurements are violations, which no policy can allow: with this rule a boot "
                 "that has any stays unknown.\n";
  }
}

// What the newest boot measured, read once that is on record; that boot's id in hex.
std::string add_newest_boot(const Site& site, const std::string& kind,
                            const attest::TrustFile& trust, boot::BootPolicy& policy) {
  HandOut access(site, {{"do", "boot_policy"}, {"kind", kind}});
  try {
    const NewestBoot newest = read_newest_boot(site, trust);
    if (kind == "exact") add_values(newest, policy);
    if (kind == "digests") add_digests(newest, policy);
    if (kind == "ima") add_files(newest, policy);
    access.done();
    return attest::to_hex(newest.bundle.boot_id);
  } catch (const CommandError& error) {
    access.refused(error.code() == kNoInput ? "not_in_log" : "log_damaged");
    throw;
  }
}

}  // namespace

boot::BootPolicy read_boot_policy(const std::string& path) {
  const auto file = storage::posix().open(path, storage::FileSystem::Open::read_only);
  std::string text(std::min<std::uint64_t>(file->size(), kMaxPolicyBytes + 1), '\0');
  text.resize(file->read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  auto policy = boot::parse_policy(text);
  if (!policy) {
    throw CommandError(kMalformed, path + ":" + std::to_string(policy.error().at.value) + ": " +
                                       policy.error().detail);
  }
  return *std::move(policy);
}

bool is_of_this_host(const std::string& wanted) {
  return wanted == "exact" || wanted == "digests" || wanted == "ima";
}

void set_boot_policy(const Site& site, const std::string& wanted, attest::TrustFile& trust) {
  if (wanted == "record") {
    trust.boot_policy = boot::BootPolicy{};
    std::cerr << "stele: this policy judges no boot; platform stays unknown.\n";
    return;
  }
  if (!is_of_this_host(wanted)) {
    trust.boot_policy = read_boot_policy(wanted);
    return;
  }
  boot::BootPolicy policy = trust.boot_policy.value_or(boot::BootPolicy{});
  const std::string boot_id = add_newest_boot(site, wanted, trust, policy);
  if (rules(policy) > boot::kMaxPolicyRules) {
    throw CommandError(kMalformed, "that would be " + std::to_string(rules(policy)) +
                                       " rules; a policy holds " +
                                       std::to_string(boot::kMaxPolicyRules));
  }
  trust.boot_policy = std::move(policy);
  std::cerr << "stele: the policy is taken from this host, of boot " << boot_id
            << ": it says what was measured, not that it is good.\n"
               "stele: compare it with a machine that you trust before you pin it.\n";
}

}  // namespace stele::tools
