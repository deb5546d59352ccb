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
HttpReply enrolment_refusal(int exit_code, const std::string& reason) {
  switch (exit_code) {
    case EX_DATAERR:
      return problem(422, reason);
    case EX_TEMPFAIL:
      return busy(reason, kRetryAfterS);
    default:
      return problem(503, reason);
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
                                 EnrolmentGate& gate, RefusalLedger& ledger) {
  const auto asked = attest::decode_enrolment_request(request.body);
  if (!asked) co_return problem(400, "not an enrolment's request: " + asked.error().detail);
  if (!std::holds_alternative<Asked>(*asked)) {
    co_return problem(400, "an enrolment's request of the other kind");
  }
  // Before the access record: who is shut out costs the log no more than the TPM.
  const std::string& caller = request.caller->name;
  if (const auto time = gate.shut_for(caller, TokenBucket::Clock::now())) {
    co_return shut(*time);
  }
  const boost::json::object who = access_text(request);
  if (const auto refused = daemon.anchorer.admit(TpmTurns::For::enrolment)) {
    gate.forgive(caller, TokenBucket::Clock::now());
    const auto came_of = AccessOutcome::refused(refused->cause);
    co_await record_access(daemon.sequencer, ledger, caller, who, came_of);
    co_return enrolment_refusal(refused->exit_code, refused->reason);
  }
  const AccessRecorded recorded =
      co_await record_access(daemon.sequencer, ledger, caller, who, std::nullopt);
  if (!recorded.trouble.empty()) co_return busy(recorded.trouble, kRetryAfterS);
  const auto outcome =
      co_await callback_result<EnrolmentOutcome>([&](std::function<void(EnrolmentOutcome)> done) {
        daemon.anchorer.enrol(*asked, std::move(done));
      });
  AccessOutcome came_to;
  if (!outcome.reply) came_to = AccessOutcome::refused(outcome.cause);
  co_await record_outcome(daemon.sequencer, recorded.index, came_to);
  if (!outcome.reply) {
    if (outcome.exit_code != EX_DATAERR) gate.forgive(caller, TokenBucket::Clock::now());
    co_return enrolment_refusal(outcome.exit_code, outcome.reason);
  }
  if (std::is_same_v<Asked, attest::ActivationRequest>) gate.enrolled(caller);
  HttpReply reply;
  reply.content_type = "application/octet-stream";
  reply.body.assign(outcome.reply->begin(), outcome.reply->end());
  co_return reply;
}

}  // namespace

void add_enrolment_routes(RouteTable& routes, const ControlledDaemon& daemon,
                          std::shared_ptr<RefusalLedger> ledger) {
  const auto gate = std::make_shared<EnrolmentGate>(daemon.config.unfinished_enrolments,
                                                    daemon.config.unfinished_enrolment_refill);
  routes.add({"POST",
              "/v1/enroll/identity",
              {Role::auditor},
              kMaxBodyBytes,
              [&daemon, gate, ledger](HttpRequest& request) {
                return enrol<attest::IdentityRequest>(request, daemon, *gate, *ledger);
              }});
  routes.add({"POST",
              "/v1/enroll/activate",
              {Role::auditor},
              kMaxBodyBytes,
              [&daemon, gate, ledger](HttpRequest& request) {
                return enrol<attest::ActivationRequest>(request, daemon, *gate, *ledger);
              }});
}

}  // namespace stele::daemon
