// A network address to listen on, as the configuration writes it: "192.0.2.1:514", "[::1]:514".
//
// Numbers only: a name would have to be asked for before the network is there.
// Thread safety: pure. Errors: parse_address gives nothing for anything else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stele::daemon {

struct Address {
  std::string host;  // of digits, without brackets
  std::uint16_t port = 0;
};
std::optional<Address> parse_address(const std::string& text);

}  // namespace stele::daemon
