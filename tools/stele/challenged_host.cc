#include "tools/stele/challenged_host.h"

#include <boost/json/serialize.hpp>

#include "attest/base64.h"
#include "tools/stele/command.h"
#include "tools/stele/control_reply.h"
#include "tools/stele/http_url.h"
#include "tools/stele/http_wire.h"

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

// A control socket's lines, within the time and the size of an answer by HTTP.
class ControlLines {
 public:
  ControlLines(const std::string& url, const TlsClientFiles& files, const HttpLimits& limits)
      : url_(url),
        left_(limits.max_body_bytes),
        wire_(*parse_http_url(url), files, limits.timeout, limits.cancelled) {}
  void write(std::string_view bytes) { wire_.write(bytes); }
  std::string next() {
    std::size_t end = received_.find('\n');
    while (end == received_.npos) {
      std::string some(kStepBytes, '\0');
      const std::size_t count = wire_.read_some(some.data(), some.size());
      if (count == 0) throw CommandError(kUnavailable, url_ + " ended the connection within its answer");
      if (count > left_ || received_.size() > kMaxLineBytes)
        throw CommandError(kMalformed, url_ + " answers, but with more bytes than are taken");
      left_ -= count;
      const std::size_t searched = received_.size();
      received_.append(some, 0, count);
      end = received_.find('\n', searched);
    }
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    return line;
  }

 private:
  static constexpr std::size_t kStepBytes = 64u << 10;
  // A record of the format's largest size in base64, with room for its other fields.
  static constexpr std::size_t kMaxLineBytes = std::size_t{128} << 20;

  const std::string url_;
  std::size_t left_;
  HttpWire wire_;
  std::string received_;
};

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
  ControlLines lines(url_, files_, limits_);
  lines.write(json::serialize(request) + "\n");
  try {
    for (;;) {
      const ControlLine line = read_control_line(lines.next());
      if (line.is_last) return true;
      const auto bytes = attest::from_base64(text_in(line.object, "evidence"));
      if (!bytes) throw CommandError(kMalformed, url_ + ": what it says is not base64");
      sink({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    }
  } catch (const NotTheProtocol&) {
    return false;
  } catch (const CommandError& error) {
    throw hosts_refusal(error);
  }
}

}  // namespace stele::tools
