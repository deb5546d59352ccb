#include "daemon/outward/place.h"

#include <algorithm>

#include "attest/decimal.h"
#include "daemon/http_address.h"

namespace stele::daemon {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

bool is_graphic(char c) {
  return c > 0x20 && c < 0x7f;
}
bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == ':' || c == '_';
}

bool is_local(const std::string& host) {
  if (host == "localhost") return true;
  const bool six = host.find(':') != host.npos;
  const auto address = parse_http_address((six ? "[" + host + "]" : host) + ":1");
  return address && address->is_local();
}

// "host:port", "[address]:port", or without the port.
bool split_authority(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return false;
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (url.host.find(':') == url.host.npos) return false;
  } else {
    const std::size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    port = colon == text.npos ? "" : text.substr(colon);
    if (url.host.find(':') != url.host.npos) return false;
  }
  url.port = url.tls ? kHttpsPort : kHttpPort;
  if (!port.empty()) {
    const auto number = port.front() == ':' ? attest::parse_decimal(port.substr(1)) : std::nullopt;
    if (!number || *number < 1 || *number > 65535) return false;
    url.port = static_cast<std::uint16_t>(*number);
  }
  return !url.host.empty() && std::all_of(url.host.begin(), url.host.end(), is_host_char);
}

}  // namespace

std::string Url::target(std::string_view behind) const {
  if (behind.empty()) return path.empty() ? "/" : path;
  return path.substr(0, path.find_last_not_of('/') + 1).append(behind);
}

std::optional<Url> parse_url(std::string_view text) {
  Url url;
  url.tls = text.starts_with("https://");
  if (!url.tls && !text.starts_with("http://")) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), is_graphic)) return std::nullopt;
  const std::size_t scheme = url.tls ? 8 : 7;
  text.remove_prefix(scheme);
  const std::size_t slash = std::min(text.find('/'), text.size());
  url.path = text.substr(slash);
  if (url.path.find_first_of("?#") != url.path.npos) return std::nullopt;
  if (!split_authority(text.substr(0, slash), url)) return std::nullopt;
  if (!url.tls && !is_local(url.host)) return std::nullopt;
  if (scheme + authority(url).size() + url.path.size() > kMaxUrlBytes) return std::nullopt;
  return url;
}

std::string authority(const Url& url) {
  const bool six = url.host.find(':') != url.host.npos;
  return (six ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
}

}  // namespace stele::daemon
