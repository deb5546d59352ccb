#include <string>

#include "daemon/http/target.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(http_target) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto target = parse_target(text);
  if (!target) return false;
  ENSURE(target->path.starts_with('/') && target->path.size() <= kMaxTargetBytes);
  // What the braces stand for, put back, is the path.
  if (const auto values = match_path("/v1/events/{index}/proof", target->path)) {
    ENSURE("/v1/events/" + values->at("index") + "/proof" == target->path);
    ENSURE(values->at("index").find('/') == std::string::npos && !values->at("index").empty());
  }
  if (const auto values = match_path("/tile/{rest...}", target->path)) {
    ENSURE("/tile/" + values->at("rest") == target->path && !values->at("rest").empty());
  }
  ENSURE(match_path(target->path, target->path).has_value() ||
         target->path.find('{') != std::string::npos);
  return true;
}
