#include "daemon/http/idempotency_key.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

// The input as a header, and as the TLVs beside an event.
FUZZ_TARGET(idempotency_key) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto key = parse_idempotency_key(text);
  if (key) {
    ENSURE(!key->empty() && key->size() <= kMaxIdempotencyKey);
    ENSURE(parse_idempotency_key("\"" + *key + "\"") == key && parse_idempotency_key(*key) == key);
  }
  const auto request = find_idempotent_request(input);
  if (request) ENSURE(find_idempotent_request(encode_tlv(*request)) == request);
  return key.has_value() || request.has_value();
}
