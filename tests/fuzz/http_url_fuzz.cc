// Where an HTTP service is: what is read can stand in a request as it is, and is read the same again.
#include "tests/fuzz/fuzz.h"
#include "tools/stele/http_url.h"

using namespace stele::tools;

namespace {

bool has_no_gaps(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

FUZZ_TARGET(http_url) {
  const auto url = parse_http_url({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!url) return false;
  ENSURE(has_no_gaps(url->authority()) && has_no_gaps(url->target("/v1/challenge")));
  ENSURE(url->target("").starts_with('/') && url->target("/x").ends_with("/x"));
  if (url->is_unix) {
    ENSURE(!url->host.empty());
    return true;
  }
  const auto again =
      parse_http_url((url->tls ? "https://" : "http://") + url->authority() + url->path);
  ENSURE(again && again->tls == url->tls && again->host == url->host && again->port == url->port);
  ENSURE(again->path == url->path);
  return true;
}
