#include "daemon/http_keys.h"

#include <algorithm>
#include <array>

#include "daemon/config_key_kinds.h"
#include "daemon/http_address.h"

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxHttpAddresses = 8;
constexpr std::size_t kMaxIdentities = 256;
constexpr std::size_t kMaxIdentityBytes = 512;
constexpr std::array<std::string_view, 4> kIdentities{"CN=", "DNS:", "URI:", "EMAIL:"};
constexpr std::array<std::string_view, 6> kRoles{"writer", "reader",  "auditor",
                                                 "admin",  "monitor", "log"};

bool is_identity(const std::string& text) {
  if (text == "*") return true;
  if (text.size() > kMaxIdentityBytes) return false;
  return std::any_of(kIdentities.begin(), kIdentities.end(), [&](std::string_view kind) {
    return text.starts_with(kind) && text.size() > kind.size();
  });
}

bool is_role(const std::string& text) {
  return std::find(kRoles.begin(), kRoles.end(), text) != kRoles.end();
}

ConfigKey some_of(std::string name, std::string unit, std::vector<std::string> Config::*member,
                  Fits fits, std::size_t most, const std::string& allowed, std::string reason) {
  return list_key(std::move(name), std::move(unit), member, most, std::move(fits),
                  "a list of at most " + std::to_string(most) + " of " + allowed,
                  std::move(reason));
}

ConfigKey pem_file_key(std::string name, std::string Config::*member, std::string reason) {
  return text_key(
      std::move(name), "path", member,
      [](const std::string& text) { return text.empty() || is_path(text); },
      "a PEM file's path, or \"\" for none; one that does not begin with / names a file in "
      "$CREDENTIALS_DIRECTORY",
      std::move(reason));
}

ConfigKey role_key(std::string role, std::vector<std::string> Config::*member, std::string may) {
  return some_of("http." + std::move(role), "identities", member, is_identity, kMaxIdentities,
                 "\"CN=name\" (of the subject), \"DNS:name\", \"URI:uri\", \"EMAIL:address\" (of "
                 "the subject alternative name), byte for byte, or \"*\" for every certificate "
                 "that http.client_ca vouches for",
                 std::move(may));
}

void add_http_limits(std::vector<ConfigKey>& keys) {
  using namespace std::chrono_literals;
  keys.push_back(mode_key("http.socket_mode", &Config::http_socket_mode,
                          "who may connect to unix: addresses; owner and group by default"));
  keys.push_back(count_key("http.max_connections", "connections", &Config::http_max_connections, 1,
                           65536,
                           "bounds descriptors; beyond it the address or user that has most of "
                           "them gives one to another that has fewer, or the new one ends"));
  keys.push_back(size_key("http.max_body_bytes", &Config::http_max_body_bytes, 1 << 10, 64 << 20,
                          "one request, as sent and as unpacked; larger ones are refused (413)"));
  keys.push_back(
      size_key("http.buffer_bytes", &Config::http_buffer_bytes, 1 << 20, std::int64_t{16} << 30,
               "bodies of all requests that are being received; then 503: bounds memory"));
  keys.push_back(
      duration_key("http.receive_time", &Config::http_receive_time, 100ms, 1h,
                   "a request must be there as a whole, an idle client be heard, a reply "
                   "be read; slower clients lose their connection"));
  keys.push_back(
      duration_key("http.answer_time", &Config::http_answer_time, 100ms, 24h,
                   "events must be durable, or sealed where that was asked for; then the "
                   "reply says that they are not"));
}

}  // namespace

void add_http_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(some_of(
      "http.addresses", "addresses", &Config::http_addresses,
      [](const std::string& text) { return parse_http_address(text).has_value(); },
      kMaxHttpAddresses, "\"IPv4:PORT\", \"[IPv6]:PORT\" or \"unix:PATH\"",
      "where HTTP is served; none by default. Without a certificate on this machine only"));
  keys.push_back(
      pem_file_key("http.certificate", &Config::http_certificate,
                   "the server's certificate and those between it and its root; with it all "
                   "TCP addresses speak TLS 1.3"));
  keys.push_back(
      pem_file_key("http.key", &Config::http_key, "the certificate's private key, 0600"));
  keys.push_back(pem_file_key("http.client_ca", &Config::http_client_ca,
                              "whose certificates clients must show: TLS is mutual or not at all"));
  keys.push_back(
      pem_file_key("http.client_crl", &Config::http_client_crl,
                   "revocation lists of those authorities; with it each of them needs one. "
                   "Read at the start"));
  keys.push_back(role_key("writers", &Config::http_writers, "who may send events"));
  keys.push_back(role_key("readers", &Config::http_readers, "who may read records"));
  keys.push_back(
      role_key("auditors", &Config::http_auditors, "who may ask for proofs and answers"));
  keys.push_back(role_key("admins", &Config::http_admins, "who may ask for anchors"));
  keys.push_back(role_key("monitors", &Config::http_monitors, "who may read metrics"));
  keys.push_back(role_key("logs", &Config::http_logs,
                          "who may have checkpoints cosigned, of the logs in [[witnessed]]"));
  keys.push_back(some_of("http.plain_roles", "roles", &Config::http_plain_roles, is_role,
                         kRoles.size(),
                         "\"writer\", \"reader\", \"auditor\", \"admin\", \"monitor\", \"log\"",
                         "what whoever connects without TLS may do; root and the daemon's own user "
                         "may do everything over a Unix socket"));
  add_http_limits(keys);
}

std::string http_conflict(const Config& config) {
  const bool tls = !config.http_certificate.empty();
  if (tls && (config.http_key.empty() || config.http_client_ca.empty())) {
    return "http.certificate needs http.key and http.client_ca: without them clients could not be "
           "told apart; give all three";
  }
  if (!tls && !(config.http_key.empty() && config.http_client_ca.empty() &&
                config.http_client_crl.empty())) {
    return "http.key, http.client_ca and http.client_crl mean nothing without http.certificate; "
           "give it, or remove them";
  }
  for (const std::string& text : config.http_addresses) {
    if (!tls && !parse_http_address(text)->is_local()) {
      return "http.addresses has " + text +
             ", which others can reach, without TLS: give http.certificate, http.key and "
             "http.client_ca, or use 127.0.0.1, [::1] or unix:PATH";
    }
  }
  return {};
}

}  // namespace stele::daemon
