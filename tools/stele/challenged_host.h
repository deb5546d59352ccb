// A host under challenge: asks it over HTTP, or over its control socket, and gives out the evidence
// bundle that it answers with.
//
// Blocks: until the bundle has come. Thread safety: one thread. Errors: CommandError as HttpClient,
// with the daemon's own code and words over the control socket. Trust: what comes is from the host.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>

#include "attest/memory.h"
#include "tools/stele/http_client.h"

namespace stele::tools {

class ChallengedHost {
 public:
  ChallengedHost(const std::string& url, TlsClientFiles files, HttpLimits limits);
  using Sink = std::function<void(std::string_view)>;
  struct Question {
    attest::Hash nonce;
    // What the auditor remembers, of which the host is told log, number and d.
    std::optional<attest::Memory> since;
    bool boot_logs = false;  // with them; a host of before refuses to be asked
  };
  void ask(const Question& question, const Sink& sink);
  const std::string& url() const { return url_; }

 private:
  bool ask_control(const boost::json::object& question, const Sink& sink);

  const std::string url_;
  const TlsClientFiles files_;
  const HttpLimits limits_;
  HttpClient client_;
};

}  // namespace stele::tools
