#include "daemon/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxSocketPath = 107;

bool is_numeric(const std::string& host, bool six) {
  in6_addr address{};  // large enough for both
  return ::inet_pton(six ? AF_INET6 : AF_INET, host.c_str(), &address) == 1;
}

}  // namespace

bool HttpAddress::is_local() const {
  return is_unix || host.starts_with("127.") || host == "::1";
}

std::optional<HttpAddress> parse_http_address(std::string_view text) {
  HttpAddress address;
  if (text.starts_with("unix:")) {
    address.is_unix = true;
    address.host = text.substr(5);
    if (address.host.empty() || address.host.size() > kMaxSocketPath) return std::nullopt;
    if (address.host.find('\0') != std::string::npos) return std::nullopt;
    return address;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool six = host.starts_with('[') && host.ends_with(']');
  if (six) host = host.substr(1, host.size() - 2);
  address.host = host;
  if (address.host.find('\0') != std::string::npos) return std::nullopt;
  if (!is_numeric(address.host, six)) return std::nullopt;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  return address;
}

}  // namespace stele::daemon
