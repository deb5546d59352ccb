#include "tools/stele/challenged_host.h"

#include <boost/json/serialize.hpp>

#include "attest/base64.h"
#include "tools/stele/command.h"
#include "tools/stele/control_client.h"
#include "tools/stele/control_reply.h"
#include "tools/stele/http_url.h"

namespace stele::tools {
namespace {

namespace json = boost::json;

json::object json_of(const ChallengedHost::Question& question) {
  json::object asked{{"nonce", attest::to_hex(question.nonce)}};
  if (const auto& since = question.since) {
    asked["since"] = json::object{{"log_id", attest::to_hex(since->log_id)},
                                  {"seq", since->seq},
                                  {"digest", attest::to_hex(since->digest)}};
  }
  if (question.boot_logs) asked["boot_logs"] = true;
  return asked;
}

}  // namespace

ChallengedHost::ChallengedHost(const std::string& url, TlsClientFiles files, HttpLimits limits)
    : url_(url), files_(std::move(files)), limits_(std::move(limits)), client_(url, files_, limits_) {}

void ChallengedHost::ask(const Question& question, const Sink& sink) {
  const json::object asked = json_of(question);
  try {
    client_.require("POST", "/v1/challenge", json::serialize(asked), "application/json", sink);
  } catch (const CommandError& error) {
    // A control socket answers a line of HTTP with a line of its own.
    const bool perhaps_control = error.code() == kMalformed && url_.starts_with(kUnixScheme);
    if (!perhaps_control || !ask_control(asked, sink)) throw;
  }
}

// False: nobody listens there who speaks that protocol.
bool ChallengedHost::ask_control(const json::object& question, const Sink& sink) {
  json::object request = question;
  request["do"] = "challenge";
  ControlClient client = ControlClient::within(limits_, url_);
  try {
    client.ask(request, [&](const json::object& line) {
      const auto bytes = attest::from_base64(text_in(line, "evidence"));
      if (!bytes) throw CommandError(kMalformed, url_ + ": what it says is not base64");
      sink({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    });
    return true;
  } catch (const NotTheProtocol&) {
    return false;
  } catch (const CommandError& error) {
    throw hosts_refusal(error);
  }
}

}  // namespace stele::tools
