#include "daemon/config_listen_keys.h"

#include "daemon/address.h"
#include "daemon/config_key_kinds.h"

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxAddresses = 16;
constexpr std::size_t kMaxAllowedNames = 1024;

ConfigKey addresses_key(std::string name, std::vector<std::string> Config::*member,
                        std::string reason) {
  return list_key(
      std::move(name), "addresses", member, kMaxAddresses,
      [](const std::string& text) {
        const auto address = parse_address(text);
        return address && address->port != 0;
      },
      "a list of at most " + std::to_string(kMaxAddresses) +
          " addresses with port, in digits, such as [\"127.0.0.1:514\", \"[::1]:514\"]",
      std::move(reason));
}

ConfigKey framing_key(std::string name, std::string Config::*member) {
  return text_key(
      std::move(name), "framing", member,
      [](const std::string& text) { return text == "auto" || text == "lf"; }, "\"auto\" or \"lf\"",
      "auto: a connection that begins with a digit is octet-counted (RFC 6587), others are lines; "
      "lf where lines may begin with a number and a space");
}

// Files of TLS: empty while it is off.
ConfigKey tls_file_key(std::string name, std::string Config::*member, std::string reason) {
  return text_key(
      std::move(name), "path", member,
      [](const std::string& text) { return text.empty() || is_path(text); },
      "a path; one that does not begin with / names a file in $CREDENTIALS_DIRECTORY",
      std::move(reason));
}

void add_tls_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(addresses_key("listen.tls.addresses", &Config::listen_tls,
                               "syslog over mutual TLS (RFC 5425), 1.2 or newer; 6514 is its port; "
                               "off by default"));
  keys.push_back(framing_key("listen.tls.framing", &Config::listen_tls_framing));
  keys.push_back(tls_file_key("listen.tls.certificate", &Config::tls_certificate,
                              "the daemon's certificate in PEM, its issuers behind it"));
  keys.push_back(
      tls_file_key("listen.tls.key", &Config::tls_key,
                   "the certificate's private key in PEM, readable for the daemon alone"));
  keys.push_back(
      tls_file_key("listen.tls.client_ca", &Config::tls_client_ca,
                   "whoever signs the senders' certificates, in PEM: no other is heard"));
  keys.push_back(
      tls_file_key("listen.tls.crl", &Config::tls_crl,
                   "revocation lists of client_ca in PEM; if given, each issuer needs one "
                   "that is in force. Read at the start"));
  keys.push_back(list_key(
      "listen.tls.allowed_names", "names", &Config::tls_allowed_names, kMaxAllowedNames,
      [](const std::string& text) { return !text.empty() && text.size() <= 255; },
      "a list of at most " + std::to_string(kMaxAllowedNames) +
          " names, such as [\"web1.example\", \"*.db.example\", \"192.0.2.7\"]; \"*\" alone is "
          "everybody whom client_ca knows",
      "which subjectAltNames of client_ca's certificates may send: a DNS name, * for its first "
      "label, or an address"));
}

}  // namespace

void add_listen_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(text_key(
      "listen.unix_datagram.path", "path", &Config::listen_unix_datagram,
      [](const std::string& text) { return text.empty() || is_socket_path(text); },
      "a path of at most 107 bytes, or \"\" for none",
      "a socket as /dev/log: what syslog() and logger write to; off by default"));
  keys.push_back(mode_key("listen.unix_datagram.mode", &Config::listen_unix_datagram_mode,
                          "who may send; /dev/log is 0o666 on most hosts"));
  keys.push_back(addresses_key("listen.udp.addresses", &Config::listen_udp,
                               "syslog over UDP, one event a datagram; anybody can forge a "
                               "datagram's sender, and the network may lose it; off by default"));
  keys.push_back(addresses_key("listen.tcp.addresses", &Config::listen_tcp,
                               "syslog over TCP (RFC 6587), for networks that you trust; off by "
                               "default"));
  keys.push_back(framing_key("listen.tcp.framing", &Config::listen_tcp_framing));
  add_tls_keys(keys);
}

void add_network_limits(std::vector<ConfigKey>& keys) {
  using namespace std::chrono_literals;
  keys.push_back(count_key("limits.max_connections_per_address", "connections",
                           &Config::max_connections_per_address, 1, 65536,
                           "of one input: one host alone, or at the ingest socket one user (root "
                           "and the daemon's own excepted), does not take all of them; room for a "
                           "relay's workers"));
  keys.push_back(duration_key(
      "limits.evict_after", &Config::evict_after, 1s, 24h,
      "where all connections of a stream input, or of an address or user, are taken, one that has "
      "been silent for so long gives way to a new one: none that sends; so does, in the middle of a "
      "long event, who keeps others from theirs (limits.unfinished_bytes)"));
  keys.push_back(
      duration_key("limits.idle_timeout", &Config::idle_timeout, 1s, 30 * 24h,
                   "a network connection on which nothing comes for so long is ended; relays are "
                   "silent for hours and lose a line when they are ended, a dead peer is noticed by "
                   "TCP's keepalive after 2 minutes, and one in the way is limits.evict_after's"));
  keys.push_back(duration_key("limits.event_timeout", &Config::event_timeout, 1s, 24h,
                              "an event that has begun on a network connection and does not come "
                              "to its end is refused, and the connection ended: no sender holds "
                              "memory by writing slowly"));
  keys.push_back(duration_key("limits.handshake_timeout", &Config::handshake_timeout, 1s, 10min,
                              "a TLS handshake that takes longer is ended; ten round trips over "
                              "the slowest of lines"));
  keys.push_back(size_key("limits.unfinished_bytes", &Config::unfinished_bytes, 1 << 20,
                          std::int64_t{16} << 30,
                          "of one stream input, for events longer than 16 KiB, each with room for "
                          "limits.max_event_bytes until it is whole and the queue has taken it: "
                          "further connections with one wait"));
  keys.push_back(size_key("limits.receive_buffer", &Config::receive_buffer, 4 << 10, 1 << 30,
                          "the kernel's buffer of a datagram socket (SO_RCVBUF): bridges a pause "
                          "of the daemon; more than net.core.rmem_max needs CAP_NET_ADMIN"));
}

}  // namespace stele::daemon
