#include "daemon/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace stele::daemon {

std::optional<Address> parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (colon == std::string::npos || colon + 1 == text.size()) return std::nullopt;
  Address address;
  const char* const end = text.data() + text.size();
  const auto [past, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc{} || past != end) return std::nullopt;
  const bool brackets = colon >= 2 && text.front() == '[' && text[colon - 1] == ']';
  address.host = brackets ? text.substr(1, colon - 2) : text.substr(0, colon);
  unsigned char bytes[sizeof(in6_addr)];
  if (::inet_pton(brackets ? AF_INET6 : AF_INET, address.host.c_str(), bytes) != 1) {
    return std::nullopt;
  }
  return address;
}

}  // namespace stele::daemon
