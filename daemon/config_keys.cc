#include "daemon/config_keys.h"

#include "attest/genesis.h"
#include "daemon/config_host_keys.h"
#include "daemon/config_key_kinds.h"
#include "daemon/config_listen_keys.h"
#include "daemon/http_keys.h"
#include "daemon/outward_keys.h"
#include "daemon/read_out_key.h"

namespace stele::daemon {
namespace {

using Milliseconds = std::chrono::milliseconds;

ConfigKey heartbeat_key() {
  ConfigKey key =
      duration_key("anchor.heartbeat", &Config::quote_interval, Milliseconds(100),
                   Milliseconds(30 * 86'400'000LL),
                   "one counter anchor each: each wears the TPM's NV. 1h lasts 11 years "
                   "on 100,000 cycles, 15min 14 years on 500,000; a simulator's 1min "
                   "wears nothing");
  key.set = [set = key.set](Config& config, const toml::node& node) {
    Config read;
    if (!set(read, node)) return false;
    config.heartbeat = read.quote_interval;
    return true;
  };
  key.show = [](const Config& config) {
    return config.heartbeat ? quoted(show_quantity(config.heartbeat->count(), kDurations))
                            : std::string();
  };
  return key;
}

ConfigKey cycles_key() {
  constexpr std::int64_t kMost = 1'000'000'000;
  return {
      "anchor.assumed_cycles",
      "NV writes",
      "a whole number from 0 (nothing wears) to " + std::to_string(kMost),
      "what the warnings at 50 % and 80 % and the projected end of life count against: what the "
      "chip's maker states, where you know it",
      [](Config& config, const toml::node& node) {
        const auto* number = node.as_integer();
        if (number == nullptr || number->get() < 0 || number->get() > kMost) return false;
        config.assumed_cycles = static_cast<std::uint32_t>(number->get());
        return true;
      },
      [](const Config& config) {
        return config.assumed_cycles ? std::to_string(*config.assumed_cycles) : std::string();
      }};
}

ConfigKey pcr_key() {
  return {
      "tpm.pcr",
      "PCR",
      "a whole number from 8 to 15 (never 10, which IMA extends)",
      "P, the PCR of quote anchors; chosen at provisioning. If given, the store's must be the same",
      [](Config& config, const toml::node& node) {
        const auto* number = node.as_integer();
        if (!number || number->get() < 8 || number->get() > 15 || number->get() == 10) return false;
        config.pcr = static_cast<std::uint8_t>(number->get());
        return true;
      },
      [](const Config& config) {
        return config.pcr ? std::to_string(*config.pcr) : std::string();
      }};
}

ConfigKey tpm_failure_key() {
  using OnTpmFailure = Config::OnTpmFailure;
  return {
      "on.tpm_failure",
      "action",
      "\"suspend-anchoring\" or \"halt\"",
      "suspend-anchoring keeps events coming in and says that they are unanchored; halt ends with "
      "exit code 69",
      [](Config& config, const toml::node& node) {
        const auto* text = node.as_string();
        if (!text || (text->get() != "halt" && text->get() != "suspend-anchoring")) return false;
        config.on_tpm_failure =
            text->get() == "halt" ? OnTpmFailure::halt : OnTpmFailure::suspend_anchoring;
        return true;
      },
      [](const Config& config) {
        return quoted(config.on_tpm_failure == OnTpmFailure::halt ? "halt" : "suspend-anchoring");
      }};
}

ConfigKey critical_key() {
  return list_key(
      "anchor.critical", "patterns", &Config::critical_events, kMaxCriticalPatterns,
      [](const std::string& text) {
        return text.size() >= kMinCriticalBytes && text.size() <= kMaxCriticalBytes;
      },
      "a list of at most " + std::to_string(kMaxCriticalPatterns) + " strings of " +
          std::to_string(kMinCriticalBytes) + " to " + std::to_string(kMaxCriticalBytes) +
          " bytes, such as [\"type=USER_MGMT\", \"COMMAND=\"]",
      "an event that contains one of these, byte for byte, is counter-anchored at once, under "
      "the limits of burst and refill; none by default, since each anchor wears the NV");
}

std::vector<ConfigKey> make_keys() {
  using namespace std::chrono_literals;
  const std::string socket = "a path of 1 to 107 bytes (the kernel's limit for socket names)";
  std::vector<ConfigKey> keys;
  keys.push_back(text_key("data", "path", &Config::data, is_path, "a path that is not empty",
                          "the store's directory; one daemon each"));
  keys.push_back(text_key(
      "origin", "name", &Config::origin,
      [](const std::string& t) { return t.empty() || attest::is_origin(t); },
      "1 to 255 bytes without spaces, '+' and control characters, or \"\" for the store's own",
      "the log's name, fixed at provisioning. If given, the store's must be the same"));
  keys.push_back(text_key("tpm.tcti", "TCTI", &Config::tcti, is_path,
                          "a TCTI string, such as \"device:/dev/tpmrm0\"",
                          "how to reach the TPM; the kernel's resource manager by default"));
  keys.push_back(pcr_key());
  add_boot_keys(keys);
  keys.push_back(text_key("listen.unix.path", "path", &Config::listen_unix, is_socket_path, socket,
                          "the ingest socket: events come in here"));
  keys.push_back(mode_key("listen.unix.mode", &Config::listen_unix_mode,
                          "who may send: owner and group by default; the kernel tells who it was "
                          "in any case"));
  add_listen_keys(keys);
  add_host_input_keys(keys);
  keys.push_back(text_key("control.path", "path", &Config::control_unix, is_socket_path, socket,
                          "the control socket: answers root and the daemon's own user only"));
  keys.push_back(heartbeat_key());
  keys.push_back(cycles_key());
  keys.push_back(duration_key("anchor.quote_interval", &Config::quote_interval, 10ms, 1h,
                              "bounds the unanchored tail while events come in; no wear"));
  keys.push_back(count_key(
      "anchor.burst", "anchors", &Config::anchor_burst, 1, 1000,
      "counter anchors at once (starts, demands) before the refill limits them: spares the NV"));
  keys.push_back(duration_key("anchor.refill", &Config::anchor_refill, 1ms, 24h,
                              "one more counter anchor allowed each; a minute wears out 100,000 "
                              "cycles in 69 days at worst"));
  keys.push_back(critical_key());
  keys.push_back(tpm_failure_key());
  add_trouble_keys(keys);
  keys.push_back(size_key("limits.max_event_bytes", &Config::max_event_bytes, 1, 64 << 20,
                          "longer events are refused; above the largest record known of audit, "
                          "journal and cloud logs"));
  keys.push_back(
      count_key("limits.max_connections", "connections", &Config::max_connections, 1, 65536,
                "of each input; further senders are turned away, on the ingest socket with a line; "
                "bounds file descriptors and buffers"));
  add_network_limits(keys);
  keys.push_back(
      size_key("limits.queue_bytes", &Config::queue_bytes, 1 << 20, std::int64_t{16} << 30,
               "received, not yet durable, all senders; when full senders wait: bounds memory"));
  keys.push_back(count_key("limits.queue_records", "records", &Config::queue_records, 4096, 1 << 24,
                           "the same in records: bounds the bookkeeping of very short events"));
  keys.push_back(
      size_key("limits.segment_bytes", &Config::segment_bytes, 64 << 10, std::int64_t{4} << 30,
               "a segment is closed when it has grown past this; a few seconds of copying"));
  keys.push_back(count_key("limits.unfinished_enrolments", "enrolments",
                           &Config::unfinished_enrolments, 1, 1000,
                           "of one caller, at once, that were refused or left off: each has the "
                           "TPM make a key, seconds on a slow chip; an auditor who mistypes has six"));
  keys.push_back(duration_key("limits.unfinished_enrolment_refill",
                              &Config::unfinished_enrolment_refill, 1ms, 24h,
                              "one more of these allowed each; a script that fails for ever then "
                              "costs the TPM a second a minute, and its log a record"));
  keys.push_back(flag_key("storage.pack", &Config::pack,
                          "compresses segments once they are closed, behind everything else; off "
                          "where the file system compresses"));
  keys.push_back(
      size_key("limits.disk_low_bytes", &Config::disk_low_bytes, 0, std::int64_t{16} << 40,
               "less room than this on the data directory's disk is low: time to act, at the "
               "default four segments"));
  keys.push_back(duration_key("limits.write_patience", &Config::write_patience, 1s, 1h,
                              "one write at the disk for longer is stuck, and systemd's watchdog "
                              "is not fed; beyond what a disk needs to give up or recover"));
  keys.push_back(
      duration_key("anchor.lag_limit", &Config::anchor_lag_limit, 1s, 720h,
                   "not ready when a record has waited longer for an anchor; quotes come "
                   "each second, so minutes mean that something is wrong"));
  add_http_keys(keys);
  keys.push_back(flag_key(
      "look_up.enabled", &Config::look_up,
      "the SQLite look-up that queries use; without it they scan. Never asked for a verdict"));
  add_outward_keys(keys);
  keys.push_back(read_out_key());
  return keys;
}

}  // namespace

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = make_keys();
  return keys;
}

const ConfigKey* find_config_key(std::string_view name) {
  for (const ConfigKey& key : config_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

}  // namespace stele::daemon
