#include "daemon/http/challenge.h"

#include <sysexits.h>

#include <memory>
#include <optional>
#include <utility>

#include "daemon/access.h"
#include "daemon/callback_result.h"
#include "daemon/challenge_evidence.h"
#include "daemon/http/away.h"
#include "daemon/http/records.h"

namespace stele::daemon {
namespace {

namespace asio = boost::asio;

constexpr unsigned kRetry_s = 1;

std::string_view body_text(const attest::Bytes& bytes) {
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

// One challenge, from its access record to the last piece of its evidence.
struct Answering {
  Answering(Sequencer& sequencer_, std::shared_ptr<std::size_t> taken)
      : turn(std::move(taken)), sequencer(sequencer_) {}
  ~Answering() {
    if (asked) leave_outcome(sequencer, *asked, at_end);
  }
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  // Precondition: the access record is durable.
  asio::awaitable<void> record(AccessOutcome outcome) {
    const std::uint64_t which = *std::exchange(asked, std::nullopt);
    co_await record_outcome(sequencer, which, outcome);
  }

  const Turn turn;
  Sequencer& sequencer;
  std::optional<std::uint64_t> asked;  // its access record, until the outcome is recorded
  AccessOutcome at_end;                // what it is if this ends before
  std::unique_ptr<ChallengeEvidence> evidence;  // until all of it was given
};

// Called anew once the client has taken the piece before: what is done is known only then, and the
// end that it is told comes behind the record of that.
asio::awaitable<HttpReply::Piece> next_piece(std::shared_ptr<Answering> answering,
                                             asio::any_io_executor reader) {
  if (!answering->evidence) {
    co_await answering->record(AccessOutcome{});
    co_return HttpReply::Piece{{}, true};
  }
  std::function<ChallengeEvidence::Piece()> next = [answering] {
    return answering->evidence->next();
  };
  answering->at_end = AccessOutcome::broken_off(RefusalCause::io_error);
  ChallengeEvidence::Piece piece = co_await away(reader, next);
  answering->at_end = AccessOutcome::broken_off(RefusalCause::peer_gone);
  if (piece.last) answering->evidence.reset();
  co_return HttpReply::Piece{std::move(piece.bytes), false};
}

HttpReply challenge_refusal(int exit_code, const std::string& reason) {
  return exit_code == EX_TEMPFAIL ? busy(reason, kRetry_s) : problem(503, reason);
}

// Why it is not answered, where that is known before anything is read for it.
std::optional<AnchoringRefusal> refused_at_once(const ControlledDaemon& daemon, std::size_t taken) {
  if (taken < kMaxChallenges) return daemon.anchorer.admit(TpmTurns::For::testimony);
  return AnchoringRefusal{"other challenges are being answered", EX_TEMPFAIL,
                          RefusalCause::queue_full};
}

asio::awaitable<HttpReply> challenge(const ControlledDaemon& daemon, asio::any_io_executor reader,
                                     std::shared_ptr<std::size_t> taken,
                                     std::shared_ptr<RefusalLedger> ledger, HttpRequest& request) {
  const auto asked = decode_challenge(body_text(request.body));
  if (!asked) co_return problem(400, asked.error().detail);
  const boost::json::object who = access_text(request);
  const std::string& caller = request.caller->name;
  if (const auto refused = refused_at_once(daemon, *taken)) {
    const auto came_of = AccessOutcome::refused(refused->cause);
    co_await record_access(daemon.sequencer, *ledger, caller, who, came_of);
    co_return challenge_refusal(refused->exit_code, refused->reason);
  }
  const auto answering = std::make_shared<Answering>(daemon.sequencer, taken);
  // Before the anchor that the answer stands on: the auditor's visit is part of what he is shown.
  const AccessRecorded recorded =
      co_await record_access(daemon.sequencer, *ledger, caller, who, std::nullopt);
  if (!recorded.trouble.empty()) co_return busy(recorded.trouble, kRetry_s);
  answering->at_end = AccessOutcome::refused(RefusalCause::io_error);
  answering->asked = recorded.index;
  std::function<void(std::function<void(AnswerOutcome)>)> ask =
      [&](std::function<void(AnswerOutcome)> done) {
        daemon.anchorer.testify(asked->nonce, std::move(done));
      };
  const AnswerOutcome outcome = co_await callback_result<AnswerOutcome>(ask);
  if (!outcome.answer) {
    co_await answering->record(AccessOutcome::refused(outcome.cause));
    co_return challenge_refusal(outcome.exit_code, outcome.reason);
  }
  std::function<bool()> begin = [&] {
    answering->evidence = std::make_unique<ChallengeEvidence>(
        storage::posix(), daemon.config.data, daemon.sequencer.store(), *outcome.answer, *asked);
    return true;
  };
  co_await away(reader, begin);
  HttpReply reply{200, "application/octet-stream", {}};
  answering->at_end = AccessOutcome::broken_off(RefusalCause::peer_gone);
  reply.more = [answering, reader] { return next_piece(answering, reader); };
  co_return reply;
}

}  // namespace

void add_challenge_route(RouteTable& routes, const ControlledDaemon& daemon,
                         asio::any_io_executor reader, std::shared_ptr<RefusalLedger> ledger) {
  const auto taken = std::make_shared<std::size_t>(0);
  routes.add({"POST",
              "/v1/challenge",
              {Role::auditor},
              kMaxChallengeBytes,
              [&daemon, reader, taken, ledger](HttpRequest& request) {
                return challenge(daemon, reader, taken, ledger, request);
              }});
}

}  // namespace stele::daemon
