// Asks a host the two questions of an enrolment: over HTTP, or over the daemon's control socket.
//
// unix:PATH may be either socket: a control socket gives itself away, since what it answers is not
// HTTP. Blocks: until the host has answered, as HttpLimits says. Thread safety: one thread.
// Errors: CommandError as HttpClient's and ControlClient's; 65 if the answer is no such message;
// ActivationRefused if the host says that its TPM did not take the credential (422, or the control
// socket's 65): no other failure tells anything of its TPM.
// Trust: answers come from the host under judgement, and whoever stands between.
#pragma once

#include <string>

#include "attest/identity/enrolment.h"
#include "tools/stele/command.h"
#include "tools/stele/http_client.h"

namespace stele::tools {

class ActivationRefused : public CommandError {
 public:
  explicit ActivationRefused(const CommandError& error) : CommandError(error) {}
};

class EnrolmentClient {
 public:
  EnrolmentClient(std::string url, const TlsClientFiles& files);
  attest::HostIdentity identity(const attest::IdentityRequest& request);
  attest::Bytes activate(const attest::ActivationRequest& request);

 private:
  std::string ask(const char* target, const attest::EnrolmentRequest& request);
  std::string ask_control(const attest::EnrolmentRequest& request);

  std::string url_;
  HttpClient http_;
  bool is_control_ = false;
};

}  // namespace stele::tools
