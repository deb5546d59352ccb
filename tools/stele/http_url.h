// Where an HTTP service is, as an operator writes it.
//
//   https://HOST[:PORT][/BASE]   TLS; port 443
//   http://HOST[:PORT][/BASE]    plain; port 80
//   unix:PATH                    a Unix stream socket
//
// Thread safety: pure. Trust: written by whoever runs the tool.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stele::tools {

inline constexpr std::string_view kUnixScheme = "unix:";

struct HttpUrl {
  bool tls = false;
  bool is_unix = false;
  std::string host;  // unix: the socket's path; an IPv6 address without its brackets
  std::string port;
  std::string path;  // as it is written: "" or "/…"

  // The target of a request: what is behind the URL as a base, or, for "", the URL itself.
  std::string target(std::string_view behind) const;
  std::string authority() const;  // as the Host field has it
};
// Nothing: no such form, a user name in it, a query, or a character that no URL has.
std::optional<HttpUrl> parse_http_url(std::string_view text);

}  // namespace stele::tools
