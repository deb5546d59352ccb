// The anchorer: owns TPM and journal on one thread; recovers, anchors on schedule and on demand,
// answers.
//
// Counter anchors: at start, by heartbeat, on demand, after critical events, at stop; under a token
// bucket. Quote anchors every quote interval while there is something new. A missing or failing TPM
// never stops ingest: the state says so, and it is tried again with back-off. TPM put back or a
// foreign writer: `stopped`, never repaired. Thread safety: all members from any thread; callbacks
// run on the executor given, but durable_head on the anchorer's thread. Blocks: only stop() and the
// destructor (which makes no final anchor). See: README.md, "Life of an anchor" and "Anchorer
// states".
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attest/merkle.h"
#include "daemon/anchor_status.h"
#include "daemon/config.h"
#include "daemon/timed_anchor_device.h"
#include "daemon/tpm_turns.h"

namespace stele::daemon {

class Anchorer {
 public:
  using CounterAnchor = daemon::CounterAnchor;
  struct Hooks {
    std::function<attest::TreeHead()> durable_head;
    // Each counter anchor, once it is stored: of the records [0, size), which may be no new ones.
    std::function<void(std::uint64_t size)> sealed;
    // Once, on the anchorer's thread: of the key that signs checkpoints.
    std::function<void(const attest::Hash&)> checkpoint_seed = [](const attest::Hash&) {};
    std::function<void()> ready;  // once: recovery done, or TPM found unavailable
    // journal broken (74) or unfit (65), secrets unfit (78), or on_tpm_failure = halt (69): the
    // daemon must end.
    std::function<void(int exit_code, std::string reason)> fatal;
  };
  Anchorer(const Config&, boost::asio::any_io_executor, Hooks);
  ~Anchorer();
  void start();
  void new_records();  // cheap: something became durable
  // Cheap: records [0, size) are to be counter-anchored as soon as there is a token.
  void critical_event(std::uint64_t size);
  void anchor(std::function<void(AnchorOutcome)>);  // counter anchor over the durable head, now
  // Nothing: one answer or enrolment may be asked for. Else why not, which is then all of it.
  std::optional<AnchoringRefusal> admit(TpmTurns::For what);
  // Precondition of these three: admit().
  void answer(const attest::Hash& nonce, std::function<void(AnswerOutcome)>);
  // As answer(), but once anchoring has stopped the TPM is asked all the same, for the newest
  // statement: what it signs then contradicts the log, and that is for the auditor to see.
  void testify(const attest::Hash& nonce, std::function<void(AnswerOutcome)>);
  void enrol(attest::EnrolmentRequest asked, std::function<void(EnrolmentOutcome)>);
  AnchorStatus status() const;
  const TpmTimes& tpm_times() const;
  std::optional<CounterAnchor> newest_counter_anchor() const;  // nothing before the first
  // Final counter anchor, then ends the thread. A TPM that does not return within the limit is left
  // behind with its thread: no hook is called any more, and who still waits for an outcome is
  // refused. The executor must be there until this is destroyed; that thread does not need it.
  void stop(std::chrono::milliseconds limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stele::daemon
