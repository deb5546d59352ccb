#include "tests/support/wire_faults.h"

#include <cstdlib>
#include <initializer_list>
#include <stdexcept>

namespace stele::test {
namespace {

using Bytes = MeddlingTcti::Bytes;
using Kind = tpm::TpmError::Kind;
using What = Fault::What;

NamedFault changed(const std::string& name, std::function<void(Bytes&)> change) {
  return {name, {What::change, 0, std::move(change)}, Kind::lost_device};
}

// In tenths of the response.
NamedFault flipped(std::size_t tenth, std::uint8_t bit) {
  return changed("bit flipped at " + std::to_string(tenth) + "/10",
                 [=](Bytes& response) { response[(response.size() - 1) * tenth / 10] ^= bit; });
}

NamedFault cut(std::size_t tenth) {
  return changed("cut at " + std::to_string(tenth) + "/10",
                 [=](Bytes& response) { response.resize(response.size() * tenth / 10); });
}

}  // namespace

std::vector<NamedFault> code_faults() {
  struct Code {
    const char* name;
    std::uint32_t code;
    Kind kind;
    bool stands_for_others = false;
  };
  static constexpr Code kCodes[] = {
      {"RETRY", 0x922, Kind::busy, true},
      {"YIELDED", 0x908, Kind::busy},
      {"TESTING", 0x90a, Kind::busy},
      {"NV_RATE", 0x920, Kind::busy},
      {"NV_UNAVAILABLE", 0x923, Kind::busy},
      {"LOCKOUT", 0x921, Kind::refused, true},
      {"CONTEXT_GAP", 0x901, Kind::full},
      {"OBJECT_MEMORY", 0x902, Kind::full},
      {"SESSION_MEMORY", 0x903, Kind::full, true},
      {"MEMORY", 0x904, Kind::full},
      {"SESSION_HANDLES", 0x905, Kind::full},
      {"CANCELED", 0x909, Kind::other},
      {"REFERENCE_S0", 0x918, Kind::was_reset, true},
      {"EXCLUSIVE", 0x121, Kind::not_exclusive, true},
      {"HANDLE", 0x18b, Kind::missing, true},
      {"NV_UNINITIALIZED", 0x14a, Kind::missing},
      {"AUTH_FAIL", 0x98e, Kind::refused, true},
      {"BAD_AUTH", 0x9a2, Kind::refused},
      {"POLICY_FAIL", 0x99d, Kind::refused},
      {"DISABLED", 0x120, Kind::refused},
      {"NV_SPACE", 0x14b, Kind::full},
      {"NV_LOCKED", 0x148, Kind::refused},
      {"PCR_CHANGED", 0x128, Kind::other},
      {"REBOOT", 0x130, Kind::other},
      {"FAILURE", 0x101, Kind::other, true},
      {"INITIALIZE", 0x100, Kind::other},
      {"NEEDS_TEST", 0x153, Kind::other},
  };
  std::vector<NamedFault> faults;
  for (const Code& one : kCodes) {
    faults.push_back({one.name, {What::answer, one.code, {}}, one.kind, one.stands_for_others});
  }
  return faults;
}

std::vector<NamedFault> response_faults() {
  std::vector<NamedFault> faults = {
      {"command lost", {What::lose_command, 0, {}}, Kind::lost_device, true},
      {"response lost", {What::lose_response, 0, {}}, Kind::lost_device, true},
      {"response before it again", {What::stale, 0, {}}, Kind::lost_device, true},
      changed("no byte", [](Bytes& response) { response.clear(); }),
      changed("wrong tag", [](Bytes& response) { response[1] = 0x07; }),
      changed("too long", [](Bytes& response) { response.resize(response.size() + 700, 0x5a); }),
      changed("as long as a response can be",
              [](Bytes& response) {
                response.resize(TPM2_MAX_RESPONSE_SIZE, 0xff);
                response[4] = TPM2_MAX_RESPONSE_SIZE >> 8;
                response[5] = TPM2_MAX_RESPONSE_SIZE & 0xff;
              }),
      cut(3),
      cut(6),
      cut(9),
  };
  for (const std::size_t tenth : {1u, 2u, 4u, 6u, 8u, 10u}) {
    faults.push_back(flipped(tenth, 0x04));
    faults.back().stands_for_others = tenth == 4 || tenth == 8;
  }
  return faults;
}

void fill_slots(const Swtpm& swtpm) {
  MeddlingTcti::Bytes session = {0x80, 0x01, 0, 0,    0,    43, 0, 0, 0x01, 0x76,
                                 0x40, 0,    0, 0x07, 0x40, 0,  0, 7, 0,    16};
  session.resize(session.size() + 16, 0x5a);  // nonceCaller
  // No salt, an HMAC session, no encryption, SHA-256.
  for (const std::uint8_t byte : std::initializer_list<std::uint8_t>{0, 0, 0, 0, 0x10, 0, 0x0b})
    session.push_back(byte);
  // TPM2_HashSequenceStart: no authValue, SHA-256.
  const MeddlingTcti::Bytes object = {0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x86, 0, 0, 0, 0x0b};
  // TPM2_LoadExternal: a key of which nothing but its public area is known, in no hierarchy.
  MeddlingTcti::Bytes key = {0x80, 0x01, 0, 0,    0, 64, 0, 0,    0x01, 0x67, 0, 0,    0, 46,
                             0,    0x08, 0, 0x0b, 0, 0,  0, 0x40, 0,    0,    0, 0x10, 0, 32};
  key.resize(key.size() + 32, 0x5a);
  for (const std::uint8_t byte : std::initializer_list<std::uint8_t>{0x40, 0, 0, 7}) {
    key.push_back(byte);
  }
  if (code_in(swtpm.transmit(key)) != 0) throw std::runtime_error("no room for a key");
  for (const auto& command : {session, object}) {
    while (code_in(swtpm.transmit(command)) == 0) {
    }
  }
}

bool is_long_run() {
  const char* const value = std::getenv("STELE_LONG");
  return value != nullptr && *value != '\0';
}

std::vector<NamedFault> one_of_each_sort(const std::vector<NamedFault>& faults) {
  std::vector<NamedFault> few;
  for (const NamedFault& fault : faults) {
    if (fault.stands_for_others) few.push_back(fault);
  }
  return few;
}

}  // namespace stele::test
