#include "daemon/http/enrolment.h"

#include <sysexits.h>

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>

#include "daemon/access.h"
#include "daemon/callback_result.h"
#include "daemon/http/enrolment_gate.h"
#include "daemon/http/records.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

// A request is a few hundred bytes: two halves of a credential at most.
constexpr std::size_t kMaxBodyBytes = 4096;
constexpr unsigned kRetryAfterS = 5;

// Too soon may be asked again; a TPM that is gone or contradicts the log is a person's matter.
HttpReply refusal(const EnrolmentOutcome& outcome) {
  switch (outcome.exit_code) {
    case EX_DATAERR:
      return problem(422, outcome.reason);
    case EX_TEMPFAIL:
      return busy(outcome.reason, kRetryAfterS);
    default:
      return problem(503, outcome.reason);
  }
}

HttpReply shut(TokenBucket::Clock::duration time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
  HttpReply reply = problem(429,
                            "too many of your enrolments came to nothing: see to why, and try "
                            "again in " +
                                std::to_string(seconds) + " s (limits.unfinished_enrolments)");
  reply.headers.emplace_back("Retry-After", std::to_string(seconds));
  return reply;
}

template <class Asked>
asio::awaitable<HttpReply> enrol(HttpRequest& request, const ControlledDaemon& daemon,
                                 EnrolmentGate& gate) {
  const auto asked = attest::decode_enrolment_request(request.body);
  if (!asked) co_return problem(400, "not an enrolment's request: " + asked.error().detail);
  if (!std::holds_alternative<Asked>(*asked)) {
    co_return problem(400, "an enrolment's request of the other kind");
  }
  // Before the access record: who is shut out costs the log no more than the TPM.
  if (const auto time = gate.shut_for(request.caller->name, TokenBucket::Clock::now())) {
    co_return shut(*time);
  }
  const boost::json::object who = access_text(request);
  const AccessRecorded recorded = co_await record_access(daemon.sequencer, who, std::nullopt);
  if (!recorded.trouble.empty()) co_return busy(recorded.trouble, kRetryAfterS);
  const auto outcome =
      co_await callback_result<EnrolmentOutcome>([&](std::function<void(EnrolmentOutcome)> done) {
        daemon.anchorer.enrol(*asked, std::move(done));
      });
  AccessOutcome came_to;
  if (!outcome.reply) came_to = AccessOutcome::refused(outcome.cause);
  co_await record_outcome(daemon.sequencer, recorded.index, came_to);
  if (!outcome.reply) {
    if (outcome.exit_code != EX_DATAERR)
      gate.forgive(request.caller->name, TokenBucket::Clock::now());
    co_return refusal(outcome);
  }
  if (std::is_same_v<Asked, attest::ActivationRequest>) gate.enrolled(request.caller->name);
  HttpReply reply;
  reply.content_type = "application/octet-stream";
  reply.body.assign(outcome.reply->begin(), outcome.reply->end());
  co_return reply;
}

}  // namespace

void add_enrolment_routes(RouteTable& routes, const ControlledDaemon& daemon) {
  const auto gate = std::make_shared<EnrolmentGate>(daemon.config.unfinished_enrolments,
                                                    daemon.config.unfinished_enrolment_refill);
  routes.add({"POST",
              "/v1/enroll/identity",
              {Role::auditor},
              kMaxBodyBytes,
              [&daemon, gate](HttpRequest& request) {
                return enrol<attest::IdentityRequest>(request, daemon, *gate);
              }});
  routes.add({"POST",
              "/v1/enroll/activate",
              {Role::auditor},
              kMaxBodyBytes,
              [&daemon, gate](HttpRequest& request) {
                return enrol<attest::ActivationRequest>(request, daemon, *gate);
              }});
}

}  // namespace stele::daemon
