#include "daemon/http/body.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;
using stele::attest::ByteView;

// Byte 0: packing, lines, and the limit of an event; the rest is the body.
FUZZ_TARGET(http_body) {
  if (input.empty()) return false;
  constexpr std::size_t kLimit = 1u << 16;
  const auto packing = static_cast<Packing>(input[0] % 3);
  const auto body = unpack(packing, input.subspan(1), kLimit);
  if (!body) return false;
  ENSURE(body->size() <= kLimit);
  const std::uint32_t longest = input[0] / 6u;
  const bool lines = input[0] / 3 % 2 == 1;
  const auto found = split_body(lines, *body, longest, 100);
  if (!found) return false;
  ENSURE(found->events.size() + found->refused.size() <= 100);
  std::size_t end = 0;
  for (const Framed& event : found->events) {
    ENSURE(event.length <= longest && event.offset >= end);
    end = std::size_t{event.offset} + event.length;
    ENSURE(end <= body->size());
    if (!lines) continue;
    const ByteView bytes = ByteView(*body).subspan(event.offset, event.length);
    for (const std::uint8_t byte : bytes) ENSURE(byte != '\n');
  }
  return true;
}
