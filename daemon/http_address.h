// An address of the HTTP service: "127.0.0.1:8080", "[::1]:8080" or "unix:/run/stele/http.sock".
//
// Numbers only: a name that resolves to something else tomorrow must not decide who can connect.
// Thread safety: a value. Errors: parse_http_address() gives nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

struct HttpAddress {
  bool is_unix = false;
  std::string host;  // or, if is_unix, the path
  std::uint16_t port = 0;
  // Whoever connects is on this machine: 127.0.0.0/8, ::1, a Unix socket.
  bool is_local() const;
};
std::optional<HttpAddress> parse_http_address(std::string_view text);

}  // namespace stele::daemon
