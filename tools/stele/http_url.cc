#include "tools/stele/http_url.h"

#include <algorithm>

namespace stele::tools {
namespace {

bool is_port(std::string_view text) {
  const bool digits =
      !text.empty() && text.size() <= 5 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return false;
  const int number = std::stoi(std::string(text));
  return number > 0 && number < 65536;
}

// HOST, HOST:PORT, [IPV6] or [IPV6]:PORT.
bool take_authority(std::string_view text, HttpUrl& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (url.host.find(':') == std::string::npos) return false;
  } else {
    const std::size_t end = std::min(text.find(':'), text.size());
    url.host = text.substr(0, end);
    port = text.substr(end);
  }
  if (url.host.empty()) return false;
  if (port.empty()) return true;
  if (!port.starts_with(':') || !is_port(port.substr(1))) return false;
  url.port = port.substr(1);
  return true;
}

}  // namespace

std::string HttpUrl::authority() const {
  if (is_unix) return "localhost";
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

std::string HttpUrl::target(std::string_view behind) const {
  if (behind.empty()) return path.empty() ? "/" : path;
  // "/v1/x" behind "https://host/stele/" is "/stele/v1/x".
  return path.substr(0, path.find_last_not_of('/') + 1).append(behind);
}

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  HttpUrl url;
  if (text.starts_with(kUnixScheme)) {
    url.is_unix = true;
    url.host = text.substr(kUnixScheme.size());
    const bool whole = url.host.find('\0') == std::string::npos;
    return !url.host.empty() && whole ? std::optional(url) : std::nullopt;
  }
  const bool allowed = std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '@' && c != '?' && c != '#' && c != '\\';
  });
  if (!allowed) return std::nullopt;
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  if (text.substr(0, scheme) != "https" && text.substr(0, scheme) != "http") return std::nullopt;
  url.tls = scheme == 5;
  url.port = url.tls ? "443" : "80";
  text.remove_prefix(scheme + 3);
  const std::size_t path = std::min(text.find('/'), text.size());
  if (!take_authority(text.substr(0, path), url)) return std::nullopt;
  url.path = text.substr(path);
  return url;
}

}  // namespace stele::tools
