// What an auditor and a host say to each other while the host's TPM is locked from outside: framed
// messages.
//
//   kind u8 · length u32 · payload
//   1 hello    host     version u16 = 1 · endorsement_handle u32 · ak_handle u32 ·
//                       counter_handle u32 · extend_handle u32 · certificate sized32 (DER, of the
//                       endorsement key) · chain sized32 (DER, one behind another; may be empty) ·
//                       genesis sized32 · receipt sized32 (of the genesis) ·
//                       trust sized32 (the trust file's text)
//   2 command  auditor  a TPM command, whole
//   3 response host     a TPM response, whole
//   4 refused  either   UTF-8 text: why it goes no further; the connection ends
//   5 locked   auditor  empty: all is done
//   6 kept     host     empty: the host has kept that it is locked
//
// Thread safety: values. Errors: truncated, trailing_bytes, version_unknown, value_out_of_range.
// Trust: to either side, all of it is the other's word; what the TPM says is believed for its HMAC.
// Limits: kMaxCommandBytes is the most that TSS and TPMs of the PC Client profile take (4096
// bytes); kMaxHelloBytes leaves a trust file room for 63 eras; kMaxReasonBytes is a paragraph.
// See: README.md, "Mode A from outside".
#pragma once

#include <string>

#include "attest/hash.h"
#include "attest/result.h"

namespace stele::tpm {

constexpr std::size_t kRelayHeaderBytes = 5;
constexpr std::size_t kMaxCommandBytes = 4096;
constexpr std::size_t kMaxHelloBytes = 256 * 1024;
constexpr std::size_t kMaxReasonBytes = 1024;

enum class RelayKind : std::uint8_t {
  hello = 1,
  command = 2,
  response = 3,
  refused = 4,
  locked = 5,
  kept = 6,
};

struct RelayMessage {
  RelayKind kind = RelayKind::refused;
  attest::Bytes payload;
  bool operator==(const RelayMessage&) const = default;
};
attest::Bytes encode(const RelayMessage& message);  // ENSUREs that the payload is allowed
// Kind and length of the payload that follows, from the first kRelayHeaderBytes.
struct RelayHeader {
  RelayKind kind = RelayKind::refused;
  std::size_t length = 0;
};
attest::Result<RelayHeader> decode_relay_header(attest::ByteView bytes);
attest::Result<RelayMessage> decode_relay_message(attest::ByteView bytes);

// Where things are in the host's TPM, and which log it is for.
struct RelayHello {
  std::uint32_t endorsement_handle = 0;
  std::uint32_t ak_handle = 0, counter_handle = 0, extend_handle = 0;
  attest::Bytes certificate;
  attest::Bytes chain;
  attest::Bytes genesis;
  attest::Bytes genesis_receipt;
  std::string trust;
  bool operator==(const RelayHello&) const = default;
};
attest::Bytes encode(const RelayHello& hello);
attest::Result<RelayHello> decode_relay_hello(attest::ByteView payload);

}  // namespace stele::tpm
