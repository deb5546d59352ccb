#include "tpm/relay_rules.h"

#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "attest/codec.h"

namespace stele::tpm {
namespace {

using attest::ByteView;
using attest::Defect;
using attest::Fault;
using attest::Place;
using attest::Result;

// A command with its handles and authorisations taken apart; the parameters are left in `rest`.
struct Command {
  struct Session {
    std::uint32_t handle = 0;
    std::uint8_t attributes = 0;
  };
  std::uint32_t code = 0;
  std::vector<std::uint32_t> handles;
  std::vector<Session> sessions;
  ByteView rest;
};

std::string hex(std::uint32_t number) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%08X", number);
  return text;
}

std::optional<std::size_t> handles_of(std::uint32_t code) {
  switch (code) {
    case TPM2_CC_GetCapability:
    case TPM2_CC_FlushContext:  // its handle is a parameter
      return 0;
    case TPM2_CC_ReadPublic:
    case TPM2_CC_NV_ReadPublic:
    case TPM2_CC_HierarchyChangeAuth:
    case TPM2_CC_SetPrimaryPolicy:
    case TPM2_CC_ClearControl:
      return 1;
    case TPM2_CC_StartAuthSession:
    case TPM2_CC_NV_Read:
      return 2;
    default:
      return std::nullopt;
  }
}

Result<Command> decode_parts(ByteView bytes) {
  attest::Reader reader(bytes);
  const std::uint16_t tag = reader.u16();
  const std::uint32_t size = reader.u32();
  Command command;
  command.code = reader.u32();
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()));
  if (size != bytes.size()) {
    return Defect(Fault::value_out_of_range, Place::byte(2), "a command of another length");
  }
  if (tag != TPM2_ST_SESSIONS && tag != TPM2_ST_NO_SESSIONS) {
    return Defect(Fault::value_out_of_range, Place::byte(0), "not a TPM command");
  }
  const auto count = handles_of(command.code);
  if (!count) {
    return Defect(Fault::value_out_of_range, Place::byte(6),
                  "the command " + hex(command.code) + " is none that a relay passes on");
  }
  for (std::size_t i = 0; i < *count; ++i) command.handles.push_back(reader.u32());
  if (tag == TPM2_ST_SESSIONS) {
    const std::size_t begin = reader.at() + 4;
    attest::Reader area(reader.sized32());
    while (area.left() > 0 && !area.failed() && command.sessions.size() < 3) {
      Command::Session session;
      session.handle = area.u32();
      area.sized16();  // nonce
      session.attributes = area.u8();
      area.sized16();  // HMAC
      command.sessions.push_back(session);
    }
    if (!area.done() || command.sessions.empty()) {
      return Defect(Fault::value_out_of_range, Place::byte(begin), "not an authorisation area");
    }
  }
  if (reader.failed()) return Defect(Fault::truncated, Place::byte(reader.at()));
  command.rest = reader.bytes(reader.left());
  return command;
}

bool is_lockable(std::uint32_t hierarchy) {
  return hierarchy == TPM2_RH_OWNER || hierarchy == TPM2_RH_LOCKOUT;
}

bool salts_to_endorsement(const Command& command, const RelayPlaces& places) {
  attest::Reader reader(command.rest);
  reader.sized16();  // nonce
  const ByteView salt = reader.sized16();
  const std::uint8_t type = reader.u8();
  return command.handles[0] == places.endorsement_handle && command.handles[1] == TPM2_RH_NULL &&
         command.sessions.empty() && !salt.empty() && type == TPM2_SE_HMAC && !reader.failed();
}

bool unsets_policy(ByteView parameters) {
  attest::Reader reader(parameters);
  return reader.sized16().empty() && reader.u16() == TPM2_ALG_NULL && reader.done();
}

// Whether a command of this kind does no more than the rules say; its sessions are known ones.
bool is_harmless(const Command& command, const RelayPlaces& places) {
  const bool is_authorised = !command.sessions.empty();
  const auto is_ours = [&places](std::uint32_t index) {
    return index == places.counter_handle || index == places.extend_handle;
  };
  switch (command.code) {
    case TPM2_CC_GetCapability:
    case TPM2_CC_FlushContext:
      return true;
    case TPM2_CC_ReadPublic:
      return command.handles[0] == places.endorsement_handle ||
             command.handles[0] == places.ak_handle;
    case TPM2_CC_NV_ReadPublic:
      return is_ours(command.handles[0]);
    case TPM2_CC_NV_Read:
      return command.handles[0] == TPM2_RH_OWNER && is_authorised && is_ours(command.handles[1]);
    case TPM2_CC_StartAuthSession:
      return salts_to_endorsement(command, places);
    case TPM2_CC_HierarchyChangeAuth:
      return is_lockable(command.handles[0]) && is_authorised &&
             (command.sessions[0].attributes & TPMA_SESSION_DECRYPT) != 0;
    case TPM2_CC_SetPrimaryPolicy:
      return is_lockable(command.handles[0]) && is_authorised && unsets_policy(command.rest);
    case TPM2_CC_ClearControl:
      return command.handles[0] == TPM2_RH_LOCKOUT && is_authorised && command.rest.size() == 1 &&
             command.rest[0] == TPM2_YES;
    default:
      return false;
  }
}

}  // namespace

Result<RelayCommand> decode_relay_command(ByteView bytes, const RelayPlaces& places) {
  const auto command = decode_parts(bytes);
  if (!command) return command.error();
  const auto was_started = [&places](std::uint32_t session) {
    return std::ranges::find(places.sessions, session) != places.sessions.end();
  };
  for (const Command::Session& session : command->sessions) {
    if (!was_started(session.handle)) {  // a password's handle never was
      return Defect(Fault::value_out_of_range, {},
                    "session " + hex(session.handle) + " was not started through this relay");
    }
  }
  if (!is_harmless(*command, places)) {
    return Defect(Fault::value_out_of_range, {},
                  "the command " + hex(command->code) +
                      " with these handles and sessions is none that a relay passes on");
  }
  RelayCommand out{command->code, 0};
  if (command->code == TPM2_CC_FlushContext) {
    attest::Reader reader(command->rest);
    out.flushed = reader.u32();
    if (!reader.done() || !was_started(out.flushed)) {
      return Defect(Fault::value_out_of_range, Place::byte(10),
                    "only a session started through this relay may be flushed");
    }
  }
  return out;
}

}  // namespace stele::tpm
