#include "tools/stele/relay_host.h"

#include <iostream>

#include "attest/failpoint.h"
#include "tools/stele/command.h"
#include "tools/stele/relay_line.h"
#include "tpm/provision.h"

namespace stele::tools {
namespace {

bool is_locked(tpm::Device& device) {
  const tpm::HierarchyState state = tpm::hierarchy_state(device);
  return state.owner_set && state.lockout_set && state.clear_disabled;
}

// One visit, to its end; why it ended before the TPM was locked, which is said. Empty: it is
// locked. keep: what is to be durable before the auditor is told so.
std::string serve(RelayLine& line, tpm::Device& device, tpm::Relay& relay,
                  const std::function<void()>& keep) {
  line.send(relay.hello());
  for (;;) {
    const tpm::RelayMessage message = line.receive();
    if (message.kind == tpm::RelayKind::refused) {
      std::cout << "the auditor goes no further" << std::endl;
      return "auditor_refused";
    }
    if (message.kind == tpm::RelayKind::locked) {
      if (!is_locked(device)) {
        line.send(tpm::refusal("the TPM does not say that it is locked"));
        std::cout << "the auditor is done, but the TPM is not locked" << std::endl;
        return "not_locked";
      }
      FAILPOINT("relay.locked");
      keep();
      FAILPOINT("relay.kept");
      line.send({tpm::RelayKind::kept, {}});
      return "";
    }
    const tpm::RelayMessage answer = relay.answer(message);
    line.send(answer);
    if (answer.kind == tpm::RelayKind::refused) {
      std::cout << "refused: " << std::string(answer.payload.begin(), answer.payload.end())
                << std::endl;
      return "relay_refused";
    }
  }
}

}  // namespace

void relay_until_locked(tpm::Device& device, const tpm::Credentials& credentials,
                        const tpm::RelayedLog& log, const std::string& target,
                        const std::function<void()>& keep,
                        const std::function<void(const RelayVisit&)>& visited) {
  // That there is a certificate is known before anybody is waited for.
  { const tpm::Relay trial(device, credentials, log); }
  RelayListener listener(target);
  std::cout << "waiting for the auditor at " << target
            << ": stele lock, there, or through ssh -L from another machine" << std::endl;
  for (;;) {
    auto line = listener.accept(kVisitorWait);
    if (!line) {
      throw CommandError(kTemporary, "no auditor came within " +
                                         std::to_string(kVisitorWait.count()) +
                                         " s: run the command again when one will");
    }
    RelayVisit visit{line->peer(), "peer_gone"};
    bool kept = false;
    const auto keep_visit = [&] {
      visited({visit.peer, ""});
      keep();
      kept = true;
    };
    try {
      tpm::Relay relay(device, credentials, log);
      visit.refused_for = serve(*line, device, relay, keep_visit);
      if (visit.refused_for.empty()) return;
    } catch (const CommandError& broken) {
      std::cout << "a visit ended: " << broken.what() << std::endl;
    }
    if (!kept) visited(visit);
    std::cout << "waiting for the auditor again" << std::endl;
  }
}

}  // namespace stele::tools
