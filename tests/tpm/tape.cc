#include "tests/tpm/tape.h"

#include <algorithm>

#include "attest/hash.h"

namespace stele::test {
namespace {

using Bytes = Tape::Bytes;
using attest::ByteView;

std::uint32_t u32(const Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}
std::size_t u16(const Bytes& bytes, std::size_t at) {
  return std::size_t{bytes[at]} << 8 | bytes[at + 1];
}

// Of the commands that our sessions authorise: NV_Increment, NV_Extend, NV_Read. Header, two
// handles, then the authorisation: size, session handle, nonce, attributes, HMAC.
constexpr std::size_t kNvIndexAt = 14, kSessionAt = 22, kNonceAt = 26;
// Of their responses: header, size of the parameters, these, then nonce, attributes, HMAC.
constexpr std::size_t kParameters = 14, kHmacBytes = 32;

bool is_audited(const Bytes& command) {
  const std::uint32_t code = code_in(command);
  const bool is_nv = code == kNvIncrement || code == kNvExtend || code == kNvRead;
  return is_nv && command.size() > kNonceAt &&
         command[kSessionAt] == 0x02;  // an HMAC session's handle
}

attest::Hash hmac(ByteView key, std::initializer_list<ByteView> parts) {
  std::array<std::uint8_t, 64> inner{}, outer{};
  inner.fill(0x36);
  outer.fill(0x5c);
  for (std::size_t i = 0; i < key.size(); ++i) {
    inner[i] = static_cast<std::uint8_t>(inner[i] ^ key[i]);
    outer[i] = static_cast<std::uint8_t>(outer[i] ^ key[i]);
  }
  attest::Hasher hasher;
  hasher.update(inner);
  for (const ByteView part : parts) hasher.update(part);
  const attest::Hash middle = hasher.finish();
  return hasher.update(outer).update(middle.bytes).finish();
}

}  // namespace

bool Tape::Turn::is_signed() const {
  return is_audited(command);
}

Tape::Tape(const tpm::Credentials& credentials) : credentials_(credentials) {}

MeddlingTcti::Transport Tape::recorder(const Swtpm& swtpm) {
  return [this, &swtpm](const Bytes& command) {
    turns_.push_back({command, swtpm.transmit(command)});
    return turns_.back().response;
  };
}

MeddlingTcti::Transport Tape::player(Spoil spoil) const {
  return [this, next = std::size_t{0}, spoil = std::move(spoil)](const Bytes& command) mutable {
    return play(next, spoil, command);
  };
}

Bytes Tape::play(std::size_t& next, const Spoil& spoil, const Bytes& command) const {
  const auto found =
      std::find_if(turns_.begin() + static_cast<std::ptrdiff_t>(next), turns_.end(),
                   [code = code_in(command)](const Turn& turn) { return turn.code() == code; });
  if (found == turns_.end()) return only_code(TPM2_RC_FAILURE);
  const auto turn = static_cast<std::size_t>(found - turns_.begin());
  next = turn + 1;
  Bytes response = found->response;
  if (turn == spoil.turn && spoil.by == By::liar) spoil.change(response);
  sign_response(credentials_, command, response);
  if (turn == spoil.turn && spoil.by == By::noise) spoil.change(response);
  return response;
}

// HMAC(authValue, H(code ‖ command code ‖ parameters) ‖ nonceTPM ‖ nonceCaller ‖ attributes).
// See: TPM 2.0 Library, Part 1, 19.6.
void sign_response(const tpm::Credentials& credentials, const Bytes& command, Bytes& response) {
  if (!is_audited(command) || response.size() < kParameters || code_in(response) != 0) return;
  const std::size_t end = kParameters + u32(response, 10);
  if (end > response.size() || response.size() - end < 2) return;
  const std::size_t attributes = end + 2 + u16(response, end);
  if (response.size() != attributes + 1 + 2 + kHmacBytes) return;
  const ByteView all = response, asked = command;
  const attest::Hash parameters = attest::hash(
      {all.subspan(6, 4), asked.subspan(6, 4), all.subspan(kParameters, end - kParameters)});
  const attest::Hash made =
      hmac(u32(command, kNvIndexAt) == credentials.counter_handle ? credentials.counter_auth
                                                                  : credentials.extend_auth,
           {parameters.bytes, all.subspan(end + 2, attributes - end - 2),
            asked.subspan(kNonceAt + 2, u16(command, kNonceAt)), all.subspan(attributes, 1)});
  std::copy(made.bytes.begin(), made.bytes.end(), response.end() - kHmacBytes);
}

}  // namespace stele::test
