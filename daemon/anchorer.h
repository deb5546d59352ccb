// The anchorer: owns TPM and journal on one thread; recovers, anchors on schedule and on demand, answers.
//
// Counter anchors: at start, by heartbeat, on demand, at stop; under a token bucket. Quote anchors every
// quote interval while there is something new. A missing or failing TPM never stops ingest: the state
// says so, and it is tried again with back-off. TPM put back or a foreign writer: `stopped`, never repaired.
// Thread safety: all members from any thread; callbacks run on the executor given. Blocks: only stop().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attest/answer.h"
#include "attest/merkle.h"
#include "attest/receipt.h"
#include "attest/statement.h"
#include "daemon/config.h"

namespace stele::daemon {

struct AnchorStatus {
  enum class State { starting, anchoring, unavailable /* TPM; retrying */, contended, stopped } state = State::starting;
  std::string reason;               // of unavailable, contended, stopped: words and what to do
  std::uint64_t counter_anchors = 0;  // seq
  std::uint64_t counter = 0;          // C; odometer = counter - first_counter
  std::uint64_t first_counter = 0;
  std::uint64_t quote_seq = 0;
  std::uint64_t counter_anchored = 0; // records covered by a stored counter receipt
  std::uint64_t anchored = 0;         // by a receipt of either kind
  std::int64_t newest_ns = 0;         // wall clock of the newest statement with a receipt; 0: none
  std::string mode;                   // "a" or "b"
};

// What an on-demand anchor came to.
struct AnchorOutcome {
  bool done = false;
  std::string reason;        // if not: words, and when to try again
  int exit_code = 0;         // if not: 69 TPM unavailable or stopped, 75 too soon or queue full
  std::uint64_t seq = 0;
  std::uint64_t tree_size = 0;
};

// What a request for a live answer came to.
struct AnswerOutcome {
  std::optional<attest::Bytes> answer;  // encoded attest::Answer
  std::string reason;                   // if none
  int exit_code = 0;                    // if none: as above
};

class Anchorer {
 public:
  struct Hooks {
    std::function<attest::TreeHead()> durable_head;
    std::function<void(std::uint64_t size)> sealed;    // records [0, size) are counter-anchored
    std::function<void()> ready;                       // once: recovery done, or TPM found unavailable
    // Journal broken (74), secrets or journal unfit (78), or on_tpm_failure = halt (69): the daemon must end.
    std::function<void(int exit_code, std::string reason)> fatal;
  };
  Anchorer(const Config&, boost::asio::any_io_executor, Hooks);
  ~Anchorer();
  void start();
  void new_records();                                   // cheap: something became durable
  void anchor(std::function<void(AnchorOutcome)>);      // counter anchor over the durable head, now
  void answer(const attest::Hash& nonce, std::function<void(AnswerOutcome)>);
  AnchorStatus status() const;
  // The newest counter anchor with a stored receipt: what proofs stand on. Nothing before the first.
  struct CounterAnchor {
    attest::Statement statement;
    attest::Receipt receipt;
  };
  std::optional<CounterAnchor> newest_counter_anchor() const;
  // Final counter anchor (bounded by the time given), then ends the thread.
  void stop(std::chrono::milliseconds limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
