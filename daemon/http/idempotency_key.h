// An idempotency key: what the header says, and the TLV beside a request's first event that keeps
// it.
//
//   header   Idempotency-Key: 1 to 255 visible ASCII characters, in quotation marks or not
//   TLV 1    key hash 32 · request hash 32 · count u32: the events of the request, neighbours
//   key hash      H("stele/v1/idempotency-key\0" ‖ sender ‖ 0x00 ‖ key)
//   request hash  H("stele/v1/idempotent-request\0" ‖ 0x01 if a body of lines, else 0x00 ‖ body)
//
// A sender's keys are its own: another one with the same key does not meet them. Body: unpacked.
// Thread safety: pure. Trust: the key comes from the sender, the TLV from the host under judgement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attest/hash.h"

namespace stele::daemon {

constexpr std::size_t kMaxIdempotencyKey = 255;
// Nothing: not what is allowed.
std::optional<std::string> parse_idempotency_key(std::string_view header);

struct IdempotentRequest {
  attest::Hash key;
  attest::Hash request;
  std::uint32_t count = 0;
  bool operator==(const IdempotentRequest&) const = default;
};
IdempotentRequest idempotent_request(std::string_view sender, std::string_view key, bool lines,
                                     attest::ByteView body, std::uint32_t count);
// All the TLVs of a record (attest/record.h) with it alone; and back, from any TLVs. Nothing: none.
attest::Bytes encode_tlv(const IdempotentRequest& request);
std::optional<IdempotentRequest> find_idempotent_request(attest::ByteView tlvs);

}  // namespace stele::daemon
