// Tells a command and a webhook that the conclusion of a watch has changed.
//
//   COMMAND conclusion previous host    run directly, without a shell; also in its environment:
//                                       STELE_CONCLUSION STELE_PREVIOUS STELE_HOST STELE_LOG_ID
//                                       STELE_PROOF
//   POST URL                            {"schema":"stele.change/1","conclusion":…}
//
// Each is told until it has been: a command that ends with 0, a webhook that answers 2xx; a change
// in between is told in its place. Before anything is seen all is taken to be verified. Blocks: at
// most kCommandTime, and the webhook's time. Thread safety: one thread. Errors: warnings on stderr.
// Trust: nothing of the host's own words is passed on, but for the log's id as hex.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "tools/stele/http_client.h"

namespace stele::tools {

constexpr std::chrono::seconds kCommandTime{60};  // then it is killed, and told again
constexpr std::chrono::seconds kWebhookTime{30};

struct Change {
  std::string conclusion;  // verified, tampered, undetermined, or unreachable
  std::string host;
  std::string log_id;  // hex; empty: nothing was shown
  std::string proof;   // folder; empty: none
};

class ChangeTeller {
 public:
  // Empty: nobody to tell. CommandError 64: not a URL.
  ChangeTeller(std::string command, const std::string& webhook);
  void tell(const Change& now);

 private:
  bool run(const Change& now) const;
  bool post(const Change& now) const;

  const std::string command_;
  std::optional<HttpClient> webhook_;
  std::string command_knows_ = "verified", webhook_knows_ = "verified";
};

}  // namespace stele::tools
