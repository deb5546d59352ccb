// Goal: relayed messages are read exactly as they are written, and a host passes on what locking
// its TPM needs and nothing else. Method: every length and kind of message; for each command that
// is let through, the same with another handle, session, attribute or parameter.
#include <gtest/gtest.h>

#include "attest/codec.h"
#include "tpm/relay.h"
#include "tpm/relay_rules.h"

namespace stele::test {
namespace {

using attest::Bytes;
using tpm::RelayKind;
using tpm::RelayMessage;

constexpr std::uint32_t kEndorsement = 0x80000001, kAk = 0x81005354, kCounter = 0x01805354,
                        kExtend = 0x01805355, kSession = 0x02000001, kPassword = 0x40000009,
                        kOwner = 0x40000001, kNull = 0x40000007, kLockout = 0x4000000a,
                        kPlatform = 0x4000000c;
constexpr std::uint8_t kDecrypt = 0x21, kContinue = 0x01, kAudit = 0x81;

TEST(RelayMessage, IsReadAsItWasWritten) {
  const RelayMessage messages[] = {{RelayKind::hello, Bytes(38, 1)},
                                   {RelayKind::command, Bytes(10, 2)},
                                   {RelayKind::response, Bytes(tpm::kMaxCommandBytes, 3)},
                                   tpm::refusal("no"),
                                   {RelayKind::locked, {}},
                                   {RelayKind::kept, {}}};
  for (const RelayMessage& message : messages) {
    const Bytes bytes = tpm::encode(message);
    const auto read = tpm::decode_relay_message(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, message);
    for (std::size_t size = 0; size < std::min<std::size_t>(bytes.size(), 50); ++size) {
      EXPECT_FALSE(tpm::decode_relay_message(attest::ByteView(bytes).first(size)));
    }
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_FALSE(tpm::decode_relay_message(longer));
  }
  EXPECT_LE(tpm::refusal(std::string(5000, 'x')).payload.size(), tpm::kMaxReasonBytes);
}

// tpm/README.md, "Mode A from outside": the three examples.
TEST(RelayMessage, HasTheBytesOfTheFormatPage) {
  const auto hex = [](const RelayMessage& message) { return attest::to_hex(tpm::encode(message)); };
  Bytes read_public;
  attest::Writer(read_public).u16(0x8001).u32(14).u32(0x173).u32(0x80000000);
  EXPECT_EQ(hex({RelayKind::command, read_public}), "020000000e80010000000e0000017380000000");
  EXPECT_EQ(hex(tpm::refusal("not passed on!")), "040000000e6e6f7420706173736564206f6e21");
  EXPECT_EQ(hex({RelayKind::locked, {}}), "0500000000");
}

TEST(RelayMessage, NoOtherKindOrLengthIsTaken) {
  for (int kind = 0; kind < 256; ++kind) {
    for (const std::uint32_t length : {0u, 9u, 4097u, 262145u, 0xffffffffu}) {
      Bytes bytes;
      attest::Writer(bytes).u8(static_cast<std::uint8_t>(kind)).u32(length);
      const bool empty_kind = kind == 5 || kind == 6;
      const bool is_allowed = (empty_kind && length == 0) || (kind == 4 && length <= 9) ||
                              (kind == 1 && length == 4097);
      EXPECT_EQ(tpm::decode_relay_header(bytes).has_value(), is_allowed) << kind << ' ' << length;
    }
  }
}

TEST(RelayHello, IsReadAsItWasWritten) {
  tpm::RelayHello hello;
  hello.endorsement_handle = kEndorsement;
  hello.ak_handle = kAk;
  hello.counter_handle = kCounter;
  hello.extend_handle = kExtend;
  hello.certificate = Bytes(700, 4);
  hello.chain = Bytes(3, 5);
  hello.genesis = Bytes(300, 6);
  hello.genesis_receipt = Bytes(200, 7);
  hello.trust = "stele-trust 1\n";
  const Bytes bytes = tpm::encode(hello);
  const auto read = tpm::decode_relay_hello(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, hello);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(tpm::decode_relay_hello(attest::ByteView(bytes).first(size)));
  }
  Bytes other = bytes;
  other[1] = 2;
  EXPECT_EQ(tpm::decode_relay_hello(other).error().fault, attest::Fault::version_unknown);
}

// A command's bytes, put together as a TPM takes them.
struct Command {
  std::uint32_t code = 0;
  std::vector<std::uint32_t> handles;
  std::uint32_t session = 0;  // 0: none
  std::uint8_t attributes = kContinue;
  Bytes parameters;

  Bytes bytes() const {
    Bytes rest;
    attest::Writer writer(rest);
    for (const std::uint32_t handle : handles) writer.u32(handle);
    if (session != 0) {
      Bytes area;
      attest::Writer(area).u32(session).sized16(Bytes(32, 1)).u8(attributes).sized16(Bytes(32, 2));
      writer.sized32(area);
    }
    writer.bytes(parameters);
    Bytes out;
    attest::Writer(out)
        .u16(session == 0 ? 0x8001 : 0x8002)
        .u32(static_cast<std::uint32_t>(10 + rest.size()))
        .u32(code)
        .bytes(rest);
    return out;
  }
};

bool passes(const Command& command) {
  const tpm::RelayPlaces places{kEndorsement, kAk, kCounter, kExtend, {kSession}};
  return tpm::decode_relay_command(command.bytes(), places).has_value();
}

Bytes start_parameters(std::uint8_t type, std::size_t salt) {
  Bytes out;
  attest::Writer(out)
      .sized16(Bytes(32, 1))
      .sized16(Bytes(salt, 2))
      .u8(type)
      .u16(0x0006)
      .u16(128)
      .u16(0x0043)
      .u16(0x000b);
  return out;
}

const Bytes kNoPolicy = {0, 0, 0, 0x10}, kNewAuth(34, 9), kYes = {1}, kFlushed = {0x02, 0, 0, 0x01};

std::vector<Command> needed() {
  return {{0x17a, {}, kSession, kAudit, Bytes(12, 0)},
          {0x173, {kEndorsement}, 0, 0, {}},
          {0x173, {kAk}, kSession, kAudit, {}},
          {0x169, {kCounter}, kSession, kAudit, {}},
          {0x169, {kExtend}, 0, 0, {}},
          {0x14e, {kOwner, kCounter}, kSession, kContinue, Bytes(4, 0)},
          {0x14e, {kOwner, kExtend}, kSession, kContinue, Bytes(4, 0)},
          {0x176, {kEndorsement, kNull}, 0, 0, start_parameters(0, 256)},
          {0x129, {kOwner}, kSession, kDecrypt, kNewAuth},
          {0x129, {kLockout}, kSession, kDecrypt, kNewAuth},
          {0x12e, {kOwner}, kSession, kContinue, kNoPolicy},
          {0x12e, {kLockout}, kSession, kContinue, kNoPolicy},
          {0x127, {kLockout}, kSession, kContinue, kYes},
          {0x165, {}, 0, 0, kFlushed}};
}

TEST(RelayRules, WhatLockingNeedsIsPassedOn) {
  for (const Command& command : needed()) EXPECT_TRUE(passes(command)) << std::hex << command.code;
}

TEST(RelayRules, NoOtherHandleOrSessionIs) {
  for (const Command& command : needed()) {
    for (std::size_t at = 0; at < command.handles.size(); ++at) {
      for (const std::uint32_t other : {kPlatform, 0x4000000bu, 0x81000001u, 0x01805360u, 0u}) {
        Command changed = command;
        changed.handles[at] = other;
        EXPECT_FALSE(passes(changed)) << std::hex << command.code << ' ' << other;
      }
    }
    for (const std::uint32_t other : {kPassword, kSession + 1, 0x03000001u}) {
      Command changed = command;
      changed.session = other;
      EXPECT_FALSE(passes(changed)) << std::hex << command.code << ' ' << other;
    }
  }
}

TEST(RelayRules, NothingIsChangedWithoutASessionOrInTheClear) {
  for (Command command : needed()) {
    const bool is_change = command.code == 0x129 || command.code == 0x12e || command.code == 0x127;
    if (!is_change && command.code != 0x14e) continue;
    Command bare = command;
    bare.session = 0;
    EXPECT_FALSE(passes(bare));
    command.attributes = kContinue;
    EXPECT_EQ(passes(command), command.code != 0x129);
  }
}

TEST(RelayRules, ParametersThatDoMoreAreRefused) {
  EXPECT_FALSE(passes({0x127, {kLockout}, kSession, kContinue, {0}}));
  EXPECT_FALSE(passes({0x12e, {kOwner}, kSession, kContinue, Bytes(36, 0)}));
  EXPECT_FALSE(passes({0x176, {kEndorsement, kNull}, 0, 0, start_parameters(1, 256)}));
  EXPECT_FALSE(passes({0x176, {kEndorsement, kNull}, 0, 0, start_parameters(0, 0)}));
  EXPECT_FALSE(passes({0x165, {}, 0, 0, {0x80, 0, 0, 0x01}}));
  EXPECT_FALSE(passes({0x165, {}, 0, 0, {0x02, 0, 0, 0x02}}));
}

TEST(RelayRules, EveryOtherCommandIsRefused) {
  for (std::uint32_t code = 0x11f; code <= 0x1a0; ++code) {
    bool is_needed = false;
    for (const Command& command : needed()) is_needed = is_needed || command.code == code;
    if (is_needed) continue;
    for (const std::uint32_t session : {0u, kSession}) {
      EXPECT_FALSE(passes({code, {}, session, kContinue, {}})) << std::hex << code;
      EXPECT_FALSE(passes({code, {kOwner, kCounter}, session, kContinue, Bytes(4, 0)}));
    }
  }
}

TEST(RelayRules, TruncatedCommandsAreRefused) {
  const tpm::RelayPlaces places{kEndorsement, kAk, kCounter, kExtend, {kSession}};
  for (const Command& command : needed()) {
    const Bytes bytes = command.bytes();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(tpm::decode_relay_command(part, places));
      if (size < 10) continue;
      part[4] = static_cast<std::uint8_t>(size >> 8);
      part[5] = static_cast<std::uint8_t>(size);
      static_cast<void>(tpm::decode_relay_command(part, places));  // does no harm
    }
  }
}

}  // namespace
}  // namespace stele::test
