#include "daemon/http/target.h"

#include <algorithm>

namespace stele::daemon {
namespace {

// The part up to the separator, which is taken away with it.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
  if (text.size() > kMaxTargetBytes) return std::nullopt;
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!printable) return std::nullopt;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    text = text.substr(scheme.size());
    const std::size_t path = text.find('/');
    if (path == std::string_view::npos) return std::nullopt;
    text = text.substr(path);
    break;
  }
  if (!text.starts_with('/')) return std::nullopt;
  Target target;
  target.path = take_until(text, '?');
  while (!text.empty()) {
    std::string_view value = take_until(text, '&');
    const std::string_view name = take_until(value, '=');
    if (!target.query.emplace(name, value).second) return std::nullopt;
  }
  return target;
}

std::optional<PathValues> match_path(std::string_view pattern, std::string_view path) {
  if (!pattern.starts_with('/') || !path.starts_with('/')) return std::nullopt;
  pattern.remove_prefix(1);
  path.remove_prefix(1);
  PathValues values;
  for (bool more = true; more;) {
    more = pattern.find('/') != std::string_view::npos;
    const std::string_view expected = take_until(pattern, '/');
    const bool named = expected.starts_with('{') && expected.ends_with('}');
    const std::string_view name = named ? expected.substr(1, expected.size() - 2) : expected;
    if (named && name.ends_with("...")) {
      if (path.empty()) return std::nullopt;
      values.emplace(name.substr(0, name.size() - 3), path);
      return values;
    }
    if (more != (path.find('/') != std::string_view::npos)) return std::nullopt;
    const std::string_view segment = take_until(path, '/');
    if (named ? segment.empty() : segment != expected) return std::nullopt;
    if (named) values.emplace(name, segment);
  }
  return values;
}

}  // namespace stele::daemon
