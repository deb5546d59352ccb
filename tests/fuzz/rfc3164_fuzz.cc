#include "daemon/read_out/rfc3164.h"

#include <cstring>

#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

// The first eight bytes are the time received.
FUZZ_TARGET(rfc3164) {
  if (input.size() < 8) return false;
  std::int64_t received_ns = 0;
  std::memcpy(&received_ns, input.data(), 8);
  const std::string_view text(reinterpret_cast<const char*>(input.data()) + 8, input.size() - 8);
  const auto message = parse_rfc3164(text, received_ns);
  if (!message) return false;
  ENSURE(!message->priority || *message->priority <= 191);
  ENSURE(text.ends_with(message->message) && message->tag.size() <= 48);
  const auto again = parse_rfc3164(text, received_ns);
  ENSURE(again && again->time_ns == message->time_ns);
  return true;
}
