// A request's target: its path and its query, and the patterns that routes are written as.
//
//   target    "/v1/events?wait=sealed", or absolute: "http://host/v1/events"
//   pattern   "/v1/events/{index}/proof", "/tile/{rest...}": a segment, or all that follow
//
// Nothing is unescaped: no route has a name that needs it, and what is not a name is not found.
// Thread safety: pure. Trust: targets come from whoever may connect.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

struct Target {
  std::string path;
  std::map<std::string, std::string> query;  // by name; a name alone has the value ""
};
constexpr std::size_t kMaxTargetBytes = 2048;
// Nothing: longer, no path, bytes that no URI has, or a name twice in the query.
std::optional<Target> parse_target(std::string_view target);

using PathValues = std::map<std::string, std::string>;
// What the braces stand for; nothing: the path is not of this pattern. No segment is empty.
std::optional<PathValues> match_path(std::string_view pattern, std::string_view path);

}  // namespace stele::daemon
