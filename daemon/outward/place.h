// Where the daemon turns to by itself: witnesses, places that receipts are pushed to, and the logs
// that it witnesses for others, as the configuration has them.
//
// Thread safety: values. Errors: parse_url() gives nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

// "https://host[:port][/path]"; "http://" on this machine only: what others change on the way is
// found out, but they need not read along.
struct Url {
  bool tls = false;
  std::string host;  // a name, or an address without brackets
  std::uint16_t port = 0;
  std::string path;  // as it is written: begins with /, or is empty

  // Of a request: what is behind the URL as a base, or, for "", the URL itself.
  std::string target(std::string_view behind) const;
};
constexpr std::size_t kMaxUrlBytes = 1024;  // with its port, said or not
std::optional<Url> parse_url(std::string_view text);
std::string authority(const Url& url);  // what Host says

// The client's side of TLS. PEM files; a relative path is a credential that the manager passed.
struct ClientTls {
  std::string ca;           // whose certificates a server must show; empty: the system's
  std::string certificate;  // ours; empty: none
  std::string key;
  bool operator==(const ClientTls&) const = default;
};

struct WitnessPlace {
  std::string url;  // the submission prefix
  std::string key;  // its verifier key, of type 04
  std::chrono::milliseconds interval{60'000};
  ClientTls tls;
};

struct PushPlace {
  std::string to;  // an absolute path, or a URL
  std::chrono::milliseconds interval{60'000};  // between checkpoints; anchors go at once
  std::uint64_t max_bytes = 64u << 20;         // of a file, before the next begins
  bool same_mount = false;                     // the file may lie on the mount of the data
  ClientTls tls;
};

constexpr std::size_t kMaxWitnesses = 16;
constexpr std::size_t kMaxPushes = 8;
constexpr std::size_t kMaxWitnessedLogs = 256;

}  // namespace stele::daemon
