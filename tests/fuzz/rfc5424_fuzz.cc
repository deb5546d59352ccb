#include "daemon/read_out/rfc5424.h"

#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(rfc5424) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto message = parse_rfc5424(text);
  if (!message) return false;
  ENSURE(message->priority <= 191 && message->version >= 1 && message->version <= 999);
  ENSURE(message->hostname.size() <= 255 && message->app_name.size() <= 48);
  ENSURE(message->elements.size() <= kMaxSdElements && text.ends_with(message->message));
  // A message that ends otherwise is still one: only its last part is free.
  if (!message->message.empty()) ENSURE(parse_rfc5424(std::string(text) + "\n"));
  return true;
}
