#include "tpm/relay.h"

#include <tss2/tss2_tpm2_types.h>

#include "attest/codec.h"
#include "attest/failpoint.h"
#include "tpm/ek_templates.h"
#include "tpm/endorsement.h"
#include "tpm/endorsement_key.h"
#include "tpm/esys.h"
#include "tpm/provision.h"
#include "tpm/relay_rules.h"

namespace stele::tpm {
namespace {

// Of the maker's intermediates, so that a hello never grows beyond its own limit.
constexpr std::size_t kMaxChainBytes = 64 * 1024;

// The endorsement key, loaded, and what vouches for it.
struct Endorsement {
  Primary key;
  std::uint32_t handle = 0;
  attest::Bytes certificate;
  attest::Bytes chain;
};

Endorsement load_endorsement(Device& device, const Credentials& credentials) {
  // A visit that ended with its process may have left sessions behind.
  flush_left_over(device);
  const auto evidence = read_endorsement(device, credentials, 0);
  const EkTemplate* known = find_ek_template(evidence.certificate);
  if (known == nullptr) {
    const std::string what = evidence.certificates.empty()
                                 ? "holds no endorsement certificate (RSA-2048, P-256 or P-384)"
                                 : "makes no key to any endorsement certificate that it holds";
    throw ProvisionRefused("this TPM " + what +
                           ", so that nobody outside can tell it from an imitation: use --escrow, "
                           "which is trust on first install");
  }
  Endorsement found;
  for (const auto& certificate : evidence.certificates) {
    if (certificate.handle == evidence.certificate) found.certificate = certificate.der;
  }
  for (const attest::Bytes& der : evidence.intermediates) {
    if (found.chain.size() + der.size() > kMaxChainBytes) break;
    found.chain.insert(found.chain.end(), der.begin(), der.end());
  }
  found.key = make_endorsement_key(device, credentials, *known);
  execute(device, "looking up a handle", [&] {
    return Esys_TR_GetTpmHandle(device.esys(), found.key.object.get(), &found.handle);
  });
  return found;
}

// The handle of a session that a response says was started.
std::optional<std::uint32_t> started_session(const attest::Bytes& response) {
  attest::Reader reader(response);
  reader.u16();
  reader.u32();
  const std::uint32_t code = reader.u32();
  const std::uint32_t handle = reader.u32();
  if (reader.failed() || code != TPM2_RC_SUCCESS) return std::nullopt;
  return handle;
}

}  // namespace

struct Relay::State {
  Device& device;
  Endorsement endorsement;
  RelayPlaces places;
  RelayedLog log;
  int commands = 0;
};

Relay::Relay(Device& device, const Credentials& credentials, const RelayedLog& log)
    : state_(new State{device, load_endorsement(device, credentials), {}, log}) {
  state_->places = {state_->endorsement.handle,
                    credentials.ak_handle,
                    credentials.counter_handle,
                    credentials.extend_handle,
                    {}};
}

Relay::~Relay() {
  for (const std::uint32_t session : state_->places.sessions) flush(state_->device, session);
}

RelayMessage Relay::hello() const {
  RelayHello hello;
  hello.endorsement_handle = state_->endorsement.handle;
  hello.ak_handle = state_->places.ak_handle;
  hello.counter_handle = state_->places.counter_handle;
  hello.extend_handle = state_->places.extend_handle;
  hello.certificate = state_->endorsement.certificate;
  hello.chain = state_->endorsement.chain;
  hello.genesis = state_->log.genesis;
  hello.genesis_receipt = state_->log.genesis_receipt;
  hello.trust = state_->log.trust;
  return {RelayKind::hello, encode(hello)};
}

RelayMessage Relay::answer(const RelayMessage& message) {
  if (message.kind != RelayKind::command) return refusal("a command was expected");
  if (++state_->commands > kMaxRelayedCommands) {
    return refusal("more than " + std::to_string(kMaxRelayedCommands) + " commands in one visit");
  }
  const auto command = decode_relay_command(message.payload, state_->places);
  if (!command) {
    return refusal(command.error().detail.empty() ? name(command.error().fault)
                                                  : command.error().detail);
  }
  FAILPOINT("relay.before_command");
  attest::Bytes response = pass_on(state_->device, message.payload);
  FAILPOINT("relay.after_command");
  if (response.size() < 10 || response.size() > kMaxCommandBytes) {
    return refusal("the TPM gave a response of a size that none has");
  }
  auto& sessions = state_->places.sessions;
  if (command->code == TPM2_CC_StartAuthSession) {
    if (const auto session = started_session(response)) sessions.push_back(*session);
  }
  if (command->flushed != 0) std::erase(sessions, command->flushed);
  return {RelayKind::response, std::move(response)};
}

RelayMessage refusal(std::string_view reason) {
  reason = reason.substr(0, kMaxReasonBytes);
  return {RelayKind::refused, attest::Bytes(reason.begin(), reason.end())};
}

}  // namespace stele::tpm
