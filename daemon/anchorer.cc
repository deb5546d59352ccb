#include "daemon/anchorer.h"

#include <sysexits.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "attest/check.h"
#include "daemon/anchor_loop.h"
#include "daemon/anchor_replies.h"
#include "daemon/anchor_requests.h"
#include "daemon/log.h"
#include "daemon/no_network.h"

namespace stele::daemon {

// Shared with the thread, which may outlive the anchorer when its TPM hangs.
struct Anchorer::State {
  State(const Config& config_, boost::asio::any_io_executor executor_, Hooks hooks_)
      : config(config_),
        executor(std::move(executor_)),
        hooks(std::move(hooks_)),
        replies(executor) {}

  const Config config;
  const boost::asio::any_io_executor executor;
  const Hooks hooks;
  AnchorRequests requests;
  AnchorReplies replies;
  std::atomic<bool> final_wanted{false};
  const std::shared_ptr<TpmTimes> tpm_times = std::make_shared<TpmTimes>();
  std::thread thread;

  mutable std::mutex mutex;  // guards what follows
  std::condition_variable ended_changed;
  AnchorStatus status;
  TpmTurns turns;
  std::optional<CounterAnchor> newest;
  bool ended = false;
  bool left_behind = false;  // stop() ran out of time: touch nothing outside any more

  // Runs work on the executor, unless nobody is there any more.
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex);
    if (!left_behind) boost::asio::post(executor, std::move(work));
  }
  attest::TreeHead durable_head() {
    const std::lock_guard lock(mutex);
    if (left_behind) throw std::runtime_error("the daemon has ended");
    return hooks.durable_head();
  }
  // The request is made of what is to be called with its outcome.
  template <class Outcome, class Make>
  void push(std::function<void(Outcome)> done, Make make);
  void run();
};

void Anchorer::State::run() {
  if (is_without_network(config.tcti)) {
    const auto why_not = refuse_network();
    if (why_not) log(Priority::notice, "the TPM's thread is not kept from the network: " + *why_not);
  }
  AnchorLoop::Outside outside;
  outside.connect = [tcti = config.tcti] { return tpm::Device(tcti); };
  outside.durable_head = [this] { return durable_head(); };
  outside.publish = [this](const AnchorStatus& now, const std::optional<CounterAnchor>& anchor) {
    const std::lock_guard lock(mutex);
    status = now;
    newest = anchor;
  };
  outside.sealed = [this](std::uint64_t size) {
    post([sealed = hooks.sealed, size] { sealed(size); });
  };
  outside.ready = [this] { post(hooks.ready); };
  outside.checkpoint_seed = [this](const attest::Hash& seed) {
    const std::lock_guard lock(mutex);
    if (!left_behind) hooks.checkpoint_seed(seed);
  };
  outside.fatal = [this](int exit_code, std::string reason) {
    post(
        [fatal = hooks.fatal, exit_code, reason = std::move(reason)] { fatal(exit_code, reason); });
  };
  outside.tpm_times = tpm_times;
  outside.final_wanted = [this] { return final_wanted.load(); };
  AnchorLoop(config, requests, std::move(outside)).run();
  const std::lock_guard lock(mutex);
  ended = true;
  ended_changed.notify_all();
}

Anchorer::Anchorer(const Config& config, boost::asio::any_io_executor executor, Hooks hooks)
    : state_(std::make_shared<State>(config, std::move(executor), std::move(hooks))) {}

Anchorer::~Anchorer() {
  state_->requests.close();
  if (state_->thread.joinable()) state_->thread.join();
}

void Anchorer::start() {
  ENSURE(!state_->thread.joinable());
  state_->thread = std::thread([state = state_] { state->run(); });
}

void Anchorer::new_records() {
  state_->requests.new_records();
}

void Anchorer::critical_event(std::uint64_t size) {
  state_->requests.critical_event(size);
}

// The state outlives the requests, which are its own. What the queue does not take is refused at
// once.
template <class Outcome, class Make>
void Anchorer::State::push(std::function<void(Outcome)> done, Make make) {
  const auto reply = replies.expect(std::move(done));
  switch (requests.push(make(reply))) {
    case AnchorRequests::Push::taken:
      return;
    case AnchorRequests::Push::full:
      return reply(refused<Outcome>(
          EX_TEMPFAIL, "too many requests are waiting for the TPM; try again in a moment",
          RefusalCause::queue_full));
    case AnchorRequests::Push::closed:
      return reply(
          refused<Outcome>(EX_UNAVAILABLE, "the daemon is ending", RefusalCause::daemon_ending));
  }
}

void Anchorer::anchor(std::function<void(AnchorOutcome)> done) {
  state_->push<AnchorOutcome>(std::move(done), [](auto reply) { return AnchorRequest{reply}; });
}

std::optional<AnchoringRefusal> Anchorer::admit(TpmTurns::For what) {
  if (state_->requests.closed()) {
    return AnchoringRefusal{"the daemon is ending", EX_UNAVAILABLE, RefusalCause::daemon_ending};
  }
  const std::lock_guard lock(state_->mutex);
  return state_->turns.admit(what, state_->status, TokenBucket::Clock::now());
}

void Anchorer::answer(const attest::Hash& nonce, std::function<void(AnswerOutcome)> done) {
  state_->push<AnswerOutcome>(std::move(done),
                              [&](auto reply) { return AnswerRequest{nonce, reply}; });
}

void Anchorer::testify(const attest::Hash& nonce, std::function<void(AnswerOutcome)> done) {
  state_->push<AnswerOutcome>(std::move(done),
                              [&](auto reply) { return AnswerRequest{nonce, reply, true}; });
}

void Anchorer::enrol(attest::EnrolmentRequest asked, std::function<void(EnrolmentOutcome)> done) {
  state_->push<EnrolmentOutcome>(std::move(done), [&](auto reply) {
    return EnrolmentTask{std::move(asked), reply};
  });
}

AnchorStatus Anchorer::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

const TpmTimes& Anchorer::tpm_times() const {
  return *state_->tpm_times;
}

std::optional<CounterAnchor> Anchorer::newest_counter_anchor() const {
  const std::lock_guard lock(state_->mutex);
  return state_->newest;
}

void Anchorer::stop(std::chrono::milliseconds limit) {
  if (!state_->thread.joinable()) return;
  state_->final_wanted = true;
  state_->requests.close();
  std::unique_lock lock(state_->mutex);
  const bool ended = state_->ended_changed.wait_for(lock, limit, [&] { return state_->ended; });
  state_->left_behind = !ended;
  lock.unlock();
  if (ended) {
    state_->thread.join();
  } else {
    state_->replies.refuse_all();
    state_->thread.detach();
  }
}

}  // namespace stele::daemon
