#include "daemon/outward_keys.h"

#include <sstream>

#include "attest/checkpoint.h"
#include "daemon/config_key_kinds.h"

namespace stele::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kShortestInterval = 1s;
constexpr std::chrono::milliseconds kLongestInterval = 24h;
constexpr std::int64_t kLeastFileBytes = 64 << 10;
constexpr std::int64_t kMostFileBytes = std::int64_t{1} << 40;

bool read_string(const toml::node& node, std::string& text) {
  const auto* value = node.as_string();
  if (value == nullptr || !is_path(value->get())) return false;
  text = value->get();
  return true;
}

bool read_interval(const toml::node& node, std::chrono::milliseconds& interval) {
  std::int64_t count = 0;
  if (!assign_in_range(count, quantity(node, kDurations), kShortestInterval.count(),
                       kLongestInterval.count())) {
    return false;
  }
  interval = std::chrono::milliseconds(count);
  return true;
}

bool read_tls(std::string_view key, const toml::node& node, ClientTls& tls) {
  if (key == "ca") return read_string(node, tls.ca);
  if (key == "certificate") return read_string(node, tls.certificate);
  return key == "certificate_key" && read_string(node, tls.key);
}

bool fits(const ClientTls& tls, bool by_tls) {
  return tls.certificate.empty() == tls.key.empty() && (by_tls || tls == ClientTls{});
}

bool read_place(const toml::table& table, WitnessPlace& place) {
  for (const auto& [key, node] : table) {
    const bool good = key == "url"        ? read_string(node, place.url)
                      : key == "key"      ? read_string(node, place.key)
                      : key == "interval" ? read_interval(node, place.interval)
                                          : read_tls(key.str(), node, place.tls);
    if (!good) return false;
  }
  const auto url = parse_url(place.url);
  return url && fits(place.tls, url->tls) &&
         attest::parse_note_key(place.key, attest::NoteKeyType::cosignature);
}

bool read_place(const toml::table& table, PushPlace& place) {
  for (const auto& [key, node] : table) {
    bool good = false;
    if (key == "to") {
      good = read_string(node, place.to);
    } else if (key == "interval") {
      good = read_interval(node, place.interval);
    } else if (key == "max_bytes") {
      good =
          assign_in_range(place.max_bytes, quantity(node, kSizes), kLeastFileBytes, kMostFileBytes);
    } else if (key == "same_mount") {
      good = node.is_boolean();
      if (good) place.same_mount = node.as_boolean()->get();
    } else {
      good = read_tls(key.str(), node, place.tls);
    }
    if (!good) return false;
  }
  const auto url = parse_url(place.to);
  return url ? fits(place.tls, url->tls) : place.to.starts_with('/') && fits(place.tls, false);
}

// Of a log that is witnessed: its verifier key alone.
bool read_place(const toml::table& table, std::string& vkey) {
  return table.size() == 1 && table.contains("key") && read_string(*table.get("key"), vkey) &&
         attest::parse_note_key(vkey);
}

void insert_tls(toml::table& table, const ClientTls& tls) {
  if (!tls.ca.empty()) table.insert("ca", tls.ca);
  if (!tls.certificate.empty()) table.insert("certificate", tls.certificate);
  if (!tls.key.empty()) table.insert("certificate_key", tls.key);
}

toml::table table_of(const WitnessPlace& place) {
  toml::table table;
  table.insert("url", place.url);
  table.insert("key", place.key);
  table.insert("interval", show_quantity(place.interval.count(), kDurations));
  insert_tls(table, place.tls);
  return table;
}

toml::table table_of(const PushPlace& place) {
  toml::table table;
  table.insert("to", place.to);
  table.insert("interval", show_quantity(place.interval.count(), kDurations));
  if (!parse_url(place.to)) {
    table.insert("max_bytes", show_quantity(static_cast<std::int64_t>(place.max_bytes), kSizes));
    table.insert("same_mount", place.same_mount);
  }
  insert_tls(table, place.tls);
  return table;
}

toml::table table_of(const std::string& vkey) {
  toml::table table;
  table.insert("key", vkey);
  return table;
}

template <class Place>
ConfigKey places_key(std::string name, std::vector<Place> Config::*member, std::size_t most,
                     const std::string& allowed, std::string reason) {
  return {std::move(name),
          "places",
          "at most " + std::to_string(most) + " tables " + allowed,
          std::move(reason),
          [member, most](Config& config, const toml::node& node) {
            const auto* list = node.as_array();
            if (list == nullptr || list->size() > most) return false;
            std::vector<Place> places;
            for (const toml::node& item : *list) {
              const auto* table = item.as_table();
              if (table == nullptr || !read_place(*table, places.emplace_back())) return false;
            }
            config.*member = std::move(places);
            return true;
          },
          [member](const Config& config) {
            std::string text;
            for (const Place& place : config.*member) {
              std::ostringstream one;
              toml::table inline_table = table_of(place);
              inline_table.is_inline(true);
              one << inline_table;
              text += (text.empty() ? "" : ", ") + one.str();
            }
            return "[" + text + "]";
          }};
}

constexpr const char* kTlsKeys =
    "ca (PEM; the system's without it), certificate and certificate_key (PEM) for TLS";

}  // namespace

void add_outward_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(places_key(
      "witness", &Config::witnesses, kMaxWitnesses,
      std::string("[[witness]] with url (\"https://host:port/prefix\"; http:// on this machine "
                  "only) and key (its verifier key, type 04), and as needed interval (1s to 1d, "
                  "default \"1min\"), ") +
          kTlsKeys,
      "C2SP witnesses that this log's checkpoints are submitted to; a failing one is asked less "
      "and less often, up to once an hour"));
  keys.push_back(places_key(
      "push", &Config::pushes, kMaxPushes,
      std::string("[[push]] with to (an absolute path, or a URL as for witnesses), and as needed "
                  "interval (between checkpoints, 1s to 1d, default \"1min\"), for a file "
                  "max_bytes (64KiB to 1TiB, default \"64MiB\": then it becomes PATH.1) and "
                  "same_mount (default false: a file on the mount of `data` is refused; the service also "
                  "needs ReadWritePaths=FOLDER, by systemctl edit steled), ") +
          kTlsKeys,
      "where receipts of counter anchors go at once, and checkpoints: what is held there, root of "
      "this host cannot take back"));
  keys.push_back(places_key("witnessed", &Config::witnessed_logs, kMaxWitnessedLogs,
                            "[[witnessed]] with key (the log's verifier key)",
                            "logs of other hosts whose checkpoints this daemon cosigns (POST "
                            "/add-checkpoint, role log)"));
}

}  // namespace stele::daemon
