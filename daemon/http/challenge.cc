#include "daemon/http/challenge.h"

#include <memory>

#include "daemon/access.h"
#include "daemon/callback_result.h"
#include "daemon/challenge_evidence.h"
#include "daemon/http/away.h"
#include "daemon/http/records.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

constexpr int kTemporary = 75;
constexpr unsigned kRetry_s = 1;

std::string_view text_of(const attest::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// One of kMaxChallenges, while it lives.
struct Turn {
  explicit Turn(std::shared_ptr<std::size_t> taken_) : taken(std::move(taken_)) { ++*taken; }
  ~Turn() { --*taken; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  const std::shared_ptr<std::size_t> taken;
};

struct Answering {
  std::shared_ptr<Turn> turn;
  std::unique_ptr<ChallengeEvidence> evidence;
};

asio::awaitable<HttpReply> challenge(const ControlledDaemon& daemon, asio::any_io_executor reader,
                                     std::shared_ptr<std::size_t> taken, HttpRequest& request) {
  const auto asked = decode_challenge(text_of(request.body));
  if (!asked) co_return problem(400, asked.error().detail);
  if (*taken >= kMaxChallenges) co_return busy("other challenges are being answered", kRetry_s);
  const auto answering = std::make_shared<Answering>();
  answering->turn = std::make_shared<Turn>(taken);
  // Before the anchor that the answer stands on: the auditor's visit is part of what he is shown.
  const std::string text = access_text(request);
  const std::string refused = co_await record_access(daemon.sequencer, text);
  if (!refused.empty()) co_return busy(refused, kRetry_s);
  std::function<void(std::function<void(AnswerOutcome)>)> ask =
      [&](std::function<void(AnswerOutcome)> done) {
        daemon.anchorer.testify(asked->nonce, std::move(done));
      };
  const AnswerOutcome outcome = co_await callback_result<AnswerOutcome>(ask);
  if (!outcome.answer) {
    co_return outcome.exit_code == kTemporary ? busy(outcome.reason, kRetry_s)
                                              : problem(503, outcome.reason);
  }
  std::function<bool()> begin = [&] {
    answering->evidence = std::make_unique<ChallengeEvidence>(storage::posix(), daemon.config.data,
                                                              daemon.sequencer.store(),
                                                              *outcome.answer, asked->since);
    return true;
  };
  co_await away(reader, begin);
  HttpReply reply{200, "application/octet-stream", {}};
  reply.more = [answering, reader]() -> asio::awaitable<HttpReply::Piece> {
    std::function<ChallengeEvidence::Piece()> next = [answering] {
      return answering->evidence->next();
    };
    ChallengeEvidence::Piece piece = co_await away(reader, next);
    co_return HttpReply::Piece{std::move(piece.bytes), piece.last};
  };
  co_return reply;
}

}  // namespace

void add_challenge_route(RouteTable& routes, const ControlledDaemon& daemon,
                         asio::any_io_executor reader) {
  const auto taken = std::make_shared<std::size_t>(0);
  routes.add({"POST",
              "/v1/challenge",
              {Role::auditor},
              kMaxChallengeBytes,
              [&daemon, reader, taken](HttpRequest& request) {
                return challenge(daemon, reader, taken, request);
              }});
}

}  // namespace stele::daemon
