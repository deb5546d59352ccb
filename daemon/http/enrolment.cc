#include "daemon/http/enrolment.h"

#include <sysexits.h>

#include "daemon/access.h"
#include "daemon/callback_result.h"
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

template <class Asked>
asio::awaitable<HttpReply> enrol(HttpRequest& request, const ControlledDaemon& daemon) {
  const auto asked = attest::decode_enrolment_request(request.body);
  if (!asked) co_return problem(400, "not an enrolment's request: " + asked.error().detail);
  if (!std::holds_alternative<Asked>(*asked)) {
    co_return problem(400, "an enrolment's request of the other kind");
  }
  const std::string text = access_text(request);
  const std::string refused = co_await record_access(daemon.sequencer, text);
  if (!refused.empty()) co_return busy(refused, kRetryAfterS);
  const auto outcome =
      co_await callback_result<EnrolmentOutcome>([&](std::function<void(EnrolmentOutcome)> done) {
        daemon.anchorer.enrol(*asked, std::move(done));
      });
  if (!outcome.reply) co_return refusal(outcome);
  HttpReply reply;
  reply.content_type = "application/octet-stream";
  reply.body.assign(outcome.reply->begin(), outcome.reply->end());
  co_return reply;
}

}  // namespace

void add_enrolment_routes(RouteTable& routes, const ControlledDaemon& daemon) {
  routes.add({"POST",
              "/v1/enroll/identity",
              {Role::auditor},
              kMaxBodyBytes,
              [&daemon](HttpRequest& request) {
                return enrol<attest::IdentityRequest>(request, daemon);
              }});
  routes.add({"POST",
              "/v1/enroll/activate",
              {Role::auditor},
              kMaxBodyBytes,
              [&daemon](HttpRequest& request) {
                return enrol<attest::ActivationRequest>(request, daemon);
              }});
}

}  // namespace stele::daemon
