#include "tools/stele/trust_file.h"

#include <algorithm>
#include <filesystem>

#include "attest/trust_limits.h"
#include "attest/wear.h"
#include "tools/stele/log_directory.h"

namespace stele::tools {

StoredTrust read_trust(const Site& site) {
  require_log(site);
  return read_trust_file(site.config.data + "/trust");
}

StoredTrust read_trust_file(const std::string& path) {
  const auto file = storage::posix().open(path, storage::FileSystem::Open::read_only);
  std::string text(file->size(), '\0');
  text.resize(file->read(0, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
  auto trust = attest::parse_trust(text);
  if (!trust) {
    throw CommandError(
        kMalformed, path + " is not a trust file: " + std::string(name(trust.error().fault)) + " " +
                        trust.error().detail);
  }
  return {std::move(text), std::move(*trust)};
}

std::optional<attest::TrustFile> find_trust(const Site& site) {
  try {
    return read_trust(site).trust;
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

void require_trust_fits(const std::string& text) {
  if (text.size() <= attest::kMaxTrustFileBytes) return;
  throw CommandError(kCannotCreate,
                     "the trust file would have " + std::to_string(text.size()) +
                         " bytes, and nobody reads one of more than " +
                         std::to_string(attest::kMaxTrustFileBytes) +
                         ": leave out the boot policies of eras that have ended");
}

void keep_other_pins(const std::string& path, const attest::TrustFile& trust, bool approved) {
  if (!std::filesystem::is_regular_file(path)) return;
  const auto there = attest::parse_trust(read_text_file(path));
  if (!there) return;
  if (there->log_id == trust.log_id) {
    const bool tells_more = (there->locked_from_outside && !trust.locked_from_outside) ||
                            (there->boot_policy && !trust.boot_policy);
    if (!tells_more) return;
    throw CommandError(kCannotCreate,
                       path + " says of this log what was not seen now, how its TPM was locked or "
                              "which boots are known: it is left as it is; name another file");
  }
  const auto is_there = [&](const attest::EarlierEra& era) {
    return era.pins.log_id == there->log_id;
  };
  if (approved && std::ranges::any_of(trust.earlier, is_there)) return;
  throw CommandError(kCannotCreate, path + " pins another log, " +
                                        attest::to_hex(there->log_id) +
                                        ": it is left as it is; the host shows " +
                                        attest::to_hex(trust.log_id) +
                                        ": if you expect that, name another file");
}

void pin_intervals(attest::TrustFile& trust, const daemon::Config& config) {
  trust.quote_interval_ms = static_cast<std::uint64_t>(config.quote_interval.count());
  const attest::Endurance endurance =
      attest::endurance_of(trust.tpm_kind, trust.tpm_manufacturer, trust.tpm_model);
  const auto heartbeat_ms = static_cast<std::uint64_t>(
      config.heartbeat.value_or(std::chrono::milliseconds(endurance.heartbeat_ms)).count());
  trust.heartbeat_s = (heartbeat_ms + 999) / 1000;
}

}  // namespace stele::tools
