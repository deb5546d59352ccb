#include "daemon/ingest/framing.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

// Decided on a beginning of the stream, an opening stays what it was when more comes.
FUZZ_TARGET(opening) {
  const auto whole = decode_opening(input, true);
  for (std::size_t length = 0; length <= input.size() && length <= kMaxOpeningBytes; ++length) {
    const auto part = decode_opening(input.first(length), false);
    if (!part) {
      ENSURE(!whole);
      return false;
    }
    if (!part->decided) continue;
    ENSURE(whole && whole->frame == part->frame && whole->ack == part->ack);
    ENSURE(whole->length == part->length && part->length <= length);
    break;
  }
  return whole && whole->length > 0;
}
