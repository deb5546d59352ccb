// What others ask of the thread for the TPM: anchors now, live answers, enrolments.
#include <sysexits.h>

#include <chrono>

#include "daemon/anchor_loop.h"

namespace stele::daemon {
namespace {

using State = AnchorStatus::State;

std::string rounded_up(TokenBucket::Clock::duration time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

void AnchorLoop::serve(AnchoringRequest&& request) {
  std::visit([this](const auto& one) { serve(one); }, request);
}

// Why nothing can be anchored or answered now; nothing if it can.
std::optional<AnchorOutcome> AnchorLoop::refusal() const {
  AnchorOutcome outcome;
  outcome.exit_code = EX_UNAVAILABLE;
  if (life_ == Life::dead || !rounds_ || !rounds_->is_open()) {
    outcome.reason = status_.reason.empty() ? "the TPM is not yet open" : status_.reason;
    if (status_.state == State::stopped) outcome.cause = RefusalCause::anchoring_stopped;
    return outcome;
  }
  if (requests_.closed()) {
    outcome.reason = "the daemon is ending";
    outcome.cause = RefusalCause::daemon_ending;
    return outcome;
  }
  return std::nullopt;
}

void AnchorLoop::serve(const AnchorRequest& request) {
  if (const auto refused = refusal()) return request.done(*refused);
  AnchorOutcome outcome;
  const Time now = TokenBucket::Clock::now();
  if (start_anchor_due_) {
    anchors_.draw(now);
  } else if (!anchors_.take(now)) {
    outcome.exit_code = EX_TEMPFAIL;
    outcome.cause = RefusalCause::too_often;
    outcome.reason =
        "counter anchors wear the TPM and are limited ([anchor] burst, refill); try again in " +
        rounded_up(anchors_.next(now) - now);
    return request.done(outcome);
  }
  counter_anchor(0);
  if (const auto refused = refusal()) return request.done(*refused);
  outcome.done = true;
  outcome.seq = journal_->chain().seq();
  outcome.tree_size = journal_->chain().tree_size();
  request.done(outcome);
}

void AnchorLoop::serve(const AnswerRequest& request) {
  const auto refuse = [&](int exit_code, std::string reason, RefusalCause cause) {
    request.done({std::nullopt, std::move(reason), exit_code, cause});
  };
  const auto refused_first = refusal();
  const bool testifies = request.even_stopped && life_ != Life::dead && rounds_ &&
                         !requests_.closed() && status_.state == State::stopped;
  if (refused_first && !testifies) {
    return refuse(refused_first->exit_code, refused_first->reason, refused_first->cause);
  }
  if (refused_first) {
    try {
      return request.done({encode(rounds_->testify(request.nonce)), {}, 0, {}});
    } catch (const std::exception& error) {
      return refuse(EX_UNAVAILABLE, status_.reason + " Nor does the TPM answer: " + error.what(),
                    RefusalCause::anchoring_stopped);
    }
  }
  request.done(answer_now(request.nonce));
}

// What was under way when the TPM went: it may be back in a moment, and nothing is known against
// it.
AnswerOutcome AnchorLoop::interrupted() const {
  if (life_ == Life::dead || status_.state == State::stopped) {
    return {std::nullopt, status_.reason, EX_UNAVAILABLE, RefusalCause::anchoring_stopped};
  }
  return {std::nullopt,
          "the TPM was reset, lost or in others' hands while it answered; ask again (" +
              status_.reason + ")",
          EX_TEMPFAIL, RefusalCause::tpm_interrupted};
}

AnswerOutcome AnchorLoop::answer_now(const attest::Hash& nonce) {
  if (const auto refused = refusal()) {
    return {std::nullopt, refused->reason, refused->exit_code, refused->cause};
  }
  const Time now = TokenBucket::Clock::now();
  if (journal_->chain().needs_counter_anchor()) {
    if (start_anchor_due_) {
      anchors_.draw(now);
    } else if (!anchors_.take(now)) {
      return {std::nullopt,
              "a counter anchor must come first and those are limited; try again in " +
                  rounded_up(anchors_.next(now) - now),
              EX_TEMPFAIL, RefusalCause::anchor_first};
    }
    counter_anchor(0);
    if (!rounds_->is_open()) return interrupted();
  }
  std::optional<attest::Answer> answer;
  attempt_round([&] { answer = rounds_->answer(nonce, outside_.durable_head); });
  if (!answer) return interrupted();
  return {encode(*answer), {}, 0, {}};
}

void AnchorLoop::serve(const EnrolmentTask& task) {
  const auto refuse = [&](int exit_code, std::string reason, RefusalCause cause) {
    task.done({std::nullopt, std::move(reason), exit_code, cause});
  };
  const auto refuse_by_state = [&] {
    const bool stopped = status_.state == State::stopped;
    refuse(EX_UNAVAILABLE, status_.reason,
           stopped ? RefusalCause::anchoring_stopped : RefusalCause::tpm_unavailable);
  };
  if (const auto refused = refusal()) {
    return refuse(refused->exit_code, refused->reason, refused->cause);
  }
  if (const auto* activation = std::get_if<attest::ActivationRequest>(&task.asked)) {
    tpm::Activation activated;
    const bool done = attempt_round([&] { activated = rounds_->activate(*activation); });
    if (!done) return refuse_by_state();
    if (!activated.secret) {
      return refuse(EX_DATAERR, activated.refusal, RefusalCause::credential_refused);
    }
    return task.done({std::move(activated.secret), {}, 0, {}});
  }
  const auto& asked = std::get<attest::IdentityRequest>(task.asked);
  const AnswerOutcome answered = answer_now(asked.nonce);
  if (!answered.answer) return refuse(answered.exit_code, answered.reason, answered.cause);
  attest::Bytes reply;
  const bool done = attempt_round(
      [&] { reply = encode(rounds_->identify(*answered.answer, asked.certificate)); });
  if (!done) return refuse_by_state();
  task.done({std::move(reply), {}, 0, {}});
}

}  // namespace stele::daemon
