// The configuration: TOML, every limit with name, unit, default and reason; unknown keys refused.
//
// A target of its own (stele_config): the tools read it too. Errors: ConfigError with
// file:line:column. Thread safety: a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/outward/place.h"
#include "daemon/policy.h"
#include "daemon/read_out/json_mapping.h"

namespace stele::daemon {

class ConfigError : public std::runtime_error {
  using runtime_error::runtime_error;  // "/etc/stele/steled.toml:12:1: unknown key …"
};

struct Config {
  std::string data = "/var/lib/stele";
  std::string origin;                       // must equal the store's, if given
  std::string tcti = "device:/dev/tpmrm0";  // [tpm] tcti
  std::optional<std::uint8_t> pcr;          // [tpm] pcr: P; must equal the store's, if given
  std::string boot_event_log = "auto";      // [boot] event_log, ima_list: boot_log_paths.h
  std::string boot_ima_list = "auto";
  std::string listen_unix = "/run/stele/ingest.sock";  // [listen.unix] path
  std::uint32_t listen_unix_mode = 0660;
  std::string listen_unix_datagram;  // [listen.unix_datagram] path; empty: none
  std::uint32_t listen_unix_datagram_mode = 0660;
  std::vector<std::string> listen_udp;      // [listen.udp] addresses
  std::vector<std::string> listen_tcp;      // [listen.tcp] addresses
  std::string listen_tcp_framing = "auto";  // or "lf"
  std::vector<std::string> listen_tls;      // [listen.tls] addresses, and the keys of that table:
  std::string listen_tls_framing = "auto";
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_client_ca;
  std::string tls_crl;
  std::vector<std::string> tls_allowed_names;
  std::string audit_path;         // [input.audit] path: auditd's af_unix plugin; empty: off
  bool journal = false;           // [input.journal] enabled
  std::string journal_directory;  // [input.journal] directory; empty: the host's
  std::string journal_namespace;  // [input.journal] namespace
  std::vector<std::string> journal_units;                // [input.journal] units; none: all
  std::string control_unix = "/run/stele/control.sock";  // [control] path
  std::optional<std::chrono::milliseconds> heartbeat;    // [anchor] heartbeat; none: the chip's
  std::chrono::milliseconds quote_interval{1'000};       // [anchor] quote_interval
  std::uint32_t anchor_burst = 8;                        // [anchor] burst: counter anchors at once
  std::chrono::milliseconds anchor_refill{60'000};       // [anchor] refill: one more token each
  std::optional<std::uint32_t> assumed_cycles;  // [anchor] assumed_cycles; none: the chip's
  std::vector<std::string> critical_events;     // [anchor] critical: byte strings
  enum class OnTpmFailure {
    suspend_anchoring,
    halt
  } on_tpm_failure = OnTpmFailure::suspend_anchoring;
  OnTrouble on_disk_low = OnTrouble::warn;           // [on] disk_low
  OnTrouble on_disk_full = OnTrouble::suspend;       // [on] disk_full
  OnTrouble on_queue_overflow = OnTrouble::suspend;  // [on] queue_overflow
  // [limits]
  std::uint32_t max_event_bytes = 1u << 20;
  std::uint32_t max_connections = 1024;  // of each input
  std::uint32_t max_connections_per_address = 256;
  std::chrono::milliseconds evict_after{10'000};
  std::chrono::milliseconds idle_timeout{86'400'000};
  std::chrono::milliseconds event_timeout{60'000};
  std::chrono::milliseconds handshake_timeout{10'000};
  std::uint64_t unfinished_bytes = 16u << 20;
  std::uint32_t receive_buffer = 4u << 20;
  std::uint64_t queue_bytes = 32u << 20;  // received, not yet durable, all connections
  std::uint32_t queue_records = 1u << 17;
  std::uint64_t segment_bytes = 64u << 20;
  std::uint32_t unfinished_enrolments = 6;  // by HTTP, of one caller: http/enrolment_gate.h
  std::chrono::milliseconds unfinished_enrolment_refill{60'000};
  std::uint64_t disk_low_bytes = 256u << 20;             // free space below it: [on] disk_low
  std::chrono::milliseconds write_patience{3 * 60'000};  // then the watchdog is not fed any more
  bool pack = true;                                      // [storage] pack
  bool look_up = true;                                   // [look_up] enabled
  std::vector<JsonMapping> json_mappings;                // [[read_out.json]]
  std::chrono::milliseconds anchor_lag_limit{300'000};   // [anchor] lag_limit: then not ready
  // [http]
  std::vector<std::string> http_addresses;  // http_address.h; none: no HTTP
  std::string http_certificate, http_key, http_client_ca, http_client_crl;
  std::vector<std::string> http_writers, http_readers, http_auditors, http_admins, http_monitors;
  std::vector<std::string> http_logs;
  std::vector<std::string> http_plain_roles{"writer", "monitor"};
  std::uint32_t http_socket_mode = 0660;
  std::uint32_t http_max_connections = 256;
  std::uint32_t http_max_body_bytes = 8u << 20;
  std::uint64_t http_buffer_bytes = 32u << 20;  // of all bodies that are being received
  std::chrono::milliseconds http_receive_time{30'000};
  std::chrono::milliseconds http_answer_time{60'000};
  std::vector<WitnessPlace> witnesses;      // [[witness]]
  std::vector<PushPlace> pushes;            // [[push]]
  std::vector<std::string> witnessed_logs;  // [[witnessed]] key
};

// [anchor] critical: each pattern costs one look through every event.
constexpr std::size_t kMaxCriticalPatterns = 32;
// Shorter ones are in nearly every event, and would use up all tokens; longer ones name one event.
constexpr std::size_t kMinCriticalBytes = 4;
constexpr std::size_t kMaxCriticalBytes = 256;

constexpr const char* kDefaultConfigPath = "/etc/stele/steled.toml";

// Reads the file, then conf.d/*.toml beside it in the order of their names, then "key=value"
// overrides; each replaces what came before. The default file may be absent: then the defaults
// hold.
Config load_config(const std::string& path, const std::vector<std::string>& overrides);
// Applies one text; `name` stands in messages. On ConfigError the configuration is half changed.
void apply_config(Config& config, std::string_view text, const std::string& name);
// The values that hold, as TOML, every key in a fixed order: what the config record seals.
std::string to_toml(const Config& config);
// For --help and the README: every key with unit, default and reason, one a line.
std::string describe_config();

}  // namespace stele::daemon
