#include "tools/stele/enrolment_client.h"

#include "attest/base64.h"
#include "tools/stele/command.h"
#include "tools/stele/control_client.h"
#include "tools/stele/control_reply.h"
#include "tools/stele/http_url.h"
#include "tools/stele/required.h"

namespace stele::tools {
namespace {

constexpr unsigned kUnprocessable = 422;

HttpLimits limits() {
  HttpLimits limits;
  limits.max_body_bytes = std::size_t{4} << 20;  // certificates and a trust file of every era
  return limits;
}

}  // namespace

EnrolmentClient::EnrolmentClient(std::string url, const TlsClientFiles& files)
    : url_(std::move(url)), http_(url_, files, limits()) {}

std::string EnrolmentClient::ask_control(const attest::EnrolmentRequest& request) {
  auto client = ControlClient::connect(url_.substr(kUnixScheme.size()));
  if (!client) throw CommandError(kUnavailable, "nobody listens at " + url_);
  boost::json::object reply;
  try {
    reply =
        client->ask({{"do", "enroll"}, {"request", attest::to_base64(attest::encode(request))}});
  } catch (const NotTheProtocol&) {
    throw;  // which tells nothing of the TPM
  } catch (const CommandError& error) {
    if (error.code() == kMalformed) throw ActivationRefused(error);
    throw hosts_refusal(error);
  }
  const auto bytes = attest::from_base64(text_in(reply, "reply"));
  if (!bytes) throw CommandError(kMalformed, "the daemon's answer is not base64");
  return {bytes->begin(), bytes->end()};
}

std::string EnrolmentClient::ask(const char* target, const attest::EnrolmentRequest& request) {
  if (is_control_) return ask_control(request);
  const attest::Bytes body = attest::encode(request);
  try {
    return http_
        .require("POST", target, {reinterpret_cast<const char*>(body.data()), body.size()},
                 "application/octet-stream")
        .body;
  } catch (const CommandError& error) {
    // Only a first answer tells: afterwards it is known what listens there.
    const bool first = std::holds_alternative<attest::IdentityRequest>(request);
    if (!first || !url_.starts_with(kUnixScheme) || error.code() != kMalformed) throw;
  }
  std::string reply = ask_control(request);
  is_control_ = true;
  return reply;
}

attest::HostIdentity EnrolmentClient::identity(const attest::IdentityRequest& request) {
  return required(attest::decode_host_identity(attest::view(ask("/v1/enroll/identity", request))),
                  "the host's answer");
}

attest::Bytes EnrolmentClient::activate(const attest::ActivationRequest& request) {
  try {
    const std::string secret = ask("/v1/enroll/activate", request);
    return {secret.begin(), secret.end()};
  } catch (const HttpRefusal& refusal) {
    if (refusal.status() == kUnprocessable) throw ActivationRefused(refusal);
    throw;
  }
}

}  // namespace stele::tools
