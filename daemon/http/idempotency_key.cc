#include "daemon/http/idempotency_key.h"

#include <algorithm>
#include <array>

#include "attest/codec.h"
#include "attest/record.h"

namespace stele::daemon {
namespace {

constexpr std::uint8_t kZero = 0;

}  // namespace

std::optional<std::string> parse_idempotency_key(std::string_view header) {
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"') {
    header = header.substr(1, header.size() - 2);
  }
  if (header.empty() || header.size() > kMaxIdempotencyKey) return std::nullopt;
  const bool fit = std::all_of(header.begin(), header.end(),
                               [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
  if (!fit) return std::nullopt;
  return std::string(header);
}

IdempotentRequest idempotent_request(std::string_view sender, std::string_view key, bool lines,
                                     attest::ByteView body, std::uint32_t count) {
  const std::uint8_t kind = lines ? 1 : 0;
  IdempotentRequest request;
  request.key = attest::hash({attest::tag("stele/v1/idempotency-key"), attest::view(sender),
                              attest::ByteView(&kZero, 1), attest::view(key)});
  request.request =
      attest::hash({attest::tag("stele/v1/idempotent-request"), attest::ByteView(&kind, 1), body});
  request.count = count;
  return request;
}

attest::Bytes encode_tlv(const IdempotentRequest& request) {
  attest::Bytes value;
  attest::Writer(value).bytes(request.key).bytes(request.request).u32(request.count);
  attest::Bytes tlvs;
  attest::append_tlv(tlvs, attest::TlvType::idempotency_key_hash, value);
  return tlvs;
}

std::optional<IdempotentRequest> find_idempotent_request(attest::ByteView tlvs) {
  attest::Reader reader(tlvs);
  while (reader.left() > 0) {
    const std::uint16_t type = reader.u16();
    const attest::ByteView value = reader.sized32();
    if (reader.failed()) return std::nullopt;
    if (type != static_cast<std::uint16_t>(attest::TlvType::idempotency_key_hash)) continue;
    attest::Reader fields(value);
    IdempotentRequest request;
    request.key = fields.hash();
    request.request = fields.hash();
    request.count = fields.u32();
    if (!fields.done() || request.count == 0) return std::nullopt;
    return request;
  }
  return std::nullopt;
}

}  // namespace stele::daemon
