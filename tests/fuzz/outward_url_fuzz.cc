#include "daemon/outward/place.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(outward_url) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto url = parse_url(text);
  if (!url) return false;
  const std::string again = (url->tls ? "https://" : "http://") + authority(*url) + url->path;
  const auto twice = parse_url(again);
  ENSURE(twice && authority(*twice) == authority(*url) && twice->path == url->path);
  return true;
}
