// AnchorReplies: who waits for the anchorer's thread. Each gets one outcome: from the thread, or,
// where that is left behind with its TPM, a refusal; what the thread says later falls into nothing.
//
// Thread safety: all members from any thread; outcomes are handed out on the executor given, which
// must be there for each expect() and its refusal, and for refuse_all(), but not for a reply after
// that.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <variant>

#include "daemon/anchor_status.h"

namespace stele::daemon {

template <class Outcome>
Outcome refused(int exit_code, std::string words, RefusalCause cause) {
  Outcome outcome;
  outcome.reason = std::move(words);
  outcome.exit_code = exit_code;
  outcome.cause = cause;
  return outcome;
}

class AnchorReplies {
 public:
  explicit AnchorReplies(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  // What is returned holds nothing of `done`, and must not outlive this. Once.
  template <class Outcome>
  std::function<void(Outcome)> expect(std::function<void(Outcome)> done) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t number = next_++;
    waiting_.emplace(number, std::move(done));
    return [this, number](Outcome outcome) { reply(number, std::move(outcome)); };
  }
  // The TPM holds up the end: all who still wait are told.
  void refuse_all();

 private:
  template <class Outcome>
  using Done = std::function<void(Outcome)>;
  using Waiting = std::variant<Done<AnchorOutcome>, Done<AnswerOutcome>, Done<EnrolmentOutcome>>;

  template <class Outcome>
  void reply(std::uint64_t number, Outcome outcome) {
    const std::lock_guard lock(mutex_);
    const auto one = waiting_.extract(number);
    if (one) hand_out(std::get<Done<Outcome>>(one.mapped()), std::move(outcome));
  }
  template <class Outcome>
  void hand_out(const Done<Outcome>& done, Outcome outcome) {
    boost::asio::post(executor_, [done, outcome = std::move(outcome)] { done(outcome); });
  }

  const boost::asio::any_io_executor executor_;
  std::mutex mutex_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace stele::daemon
