#include "daemon/http_address.h"

#include "daemon/address.h"

namespace stele::daemon {
namespace {

constexpr std::size_t kMaxSocketPath = 107;

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
  const auto listened = parse_address(std::string(text));
  if (!listened) return std::nullopt;
  address.host = listened->host;
  address.port = listened->port;
  return address;
}

}  // namespace stele::daemon
