#include "tpm/relay_message.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/codec.h"
#include "attest/utf8.h"

namespace stele::tpm {
namespace {

using attest::Bytes;
using attest::ByteView;
using attest::Defect;
using attest::Fault;
using attest::Place;
using attest::Result;

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kTpmHeaderBytes = 10;

// The least and the most that a payload of this kind may hold.
struct Bounds {
  std::size_t least = 0, most = 0;
};
Bounds bounds_of(RelayKind kind) {
  switch (kind) {
    case RelayKind::hello:
      return {38, kMaxHelloBytes};
    case RelayKind::command:
    case RelayKind::response:
      return {kTpmHeaderBytes, kMaxCommandBytes};
    case RelayKind::refused:
      return {0, kMaxReasonBytes};
    case RelayKind::locked:
    case RelayKind::kept:
      return {0, 0};
  }
  return {0, 0};
}

bool is_allowed(RelayKind kind, std::size_t length) {
  const Bounds bounds = bounds_of(kind);
  return length >= bounds.least && length <= bounds.most;
}

}  // namespace

Bytes encode(const RelayMessage& message) {
  ENSURE(is_allowed(message.kind, message.payload.size()));
  Bytes out;
  attest::Writer(out).u8(static_cast<std::uint8_t>(message.kind)).sized32(message.payload);
  return out;
}

Result<RelayHeader> decode_relay_header(ByteView bytes) {
  attest::Reader reader(bytes);
  const std::uint8_t kind = reader.u8();
  const std::uint32_t length = reader.u32();
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()));
  if (kind < 1 || kind > static_cast<std::uint8_t>(RelayKind::kept)) {
    return Defect(Fault::value_out_of_range, Place::byte(0),
                  "no message has kind " + std::to_string(kind));
  }
  if (!is_allowed(RelayKind{kind}, length)) {
    return Defect(Fault::value_out_of_range, Place::byte(1),
                  "a message of kind " + std::to_string(kind) + " cannot be " +
                      std::to_string(length) + " bytes long");
  }
  return RelayHeader{RelayKind{kind}, length};
}

Result<RelayMessage> decode_relay_message(ByteView bytes) {
  const auto header = decode_relay_header(bytes.first(std::min(bytes.size(), kRelayHeaderBytes)));
  if (!header) return header.error();
  const ByteView payload = bytes.subspan(kRelayHeaderBytes);
  if (payload.size() < header->length) return Defect(Fault::truncated, Place::byte(bytes.size()));
  if (payload.size() > header->length) {
    return Defect(Fault::trailing_bytes, Place::byte(kRelayHeaderBytes + header->length));
  }
  const std::string_view text(reinterpret_cast<const char*>(payload.data()), payload.size());
  if (header->kind == RelayKind::refused && !attest::is_utf8(text)) {
    return Defect(Fault::value_out_of_range, Place::byte(kRelayHeaderBytes), "not UTF-8");
  }
  return RelayMessage{header->kind, Bytes(payload.begin(), payload.end())};
}

Bytes encode(const RelayHello& hello) {
  Bytes out;
  attest::Writer(out)
      .u16(kVersion)
      .u32(hello.endorsement_handle)
      .u32(hello.ak_handle)
      .u32(hello.counter_handle)
      .u32(hello.extend_handle)
      .sized32(hello.certificate)
      .sized32(hello.chain)
      .sized32(hello.genesis)
      .sized32(hello.genesis_receipt)
      .sized32(attest::view(hello.trust));
  return out;
}

Result<RelayHello> decode_relay_hello(ByteView payload) {
  attest::Reader reader(payload);
  if (const std::uint16_t version = reader.u16(); version != kVersion && !reader.failed()) {
    return Defect(Fault::version_unknown, Place::byte(0),
                  "version " + std::to_string(version) + " of the relay's messages");
  }
  RelayHello hello;
  hello.endorsement_handle = reader.u32();
  hello.ak_handle = reader.u32();
  hello.counter_handle = reader.u32();
  hello.extend_handle = reader.u32();
  const ByteView certificate = reader.sized32();
  const ByteView chain = reader.sized32();
  const ByteView genesis = reader.sized32();
  const ByteView receipt = reader.sized32();
  const ByteView trust = reader.sized32();
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()));
  if (!reader.done()) return Defect(Fault::trailing_bytes, Place::byte(reader.at()));
  hello.certificate.assign(certificate.begin(), certificate.end());
  hello.chain.assign(chain.begin(), chain.end());
  hello.genesis.assign(genesis.begin(), genesis.end());
  hello.genesis_receipt.assign(receipt.begin(), receipt.end());
  hello.trust.assign(trust.begin(), trust.end());
  return hello;
}

}  // namespace stele::tpm
