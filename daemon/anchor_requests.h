// The bounded queue before the anchorer's thread: requests, the news of new records and critical
// events, and the end.
//
// Thread safety: all members from any thread; wait_until() and take() from one. Blocks:
// wait_until() only.
// Invariants: (1) a request that was pushed is taken exactly once; (2) after close() nothing is
// pushed any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <variant>

#include "attest/identity/enrolment.h"
#include "daemon/anchor_status.h"

namespace stele::daemon {

struct AnchorRequest {
  std::function<void(AnchorOutcome)> done;
};
struct AnswerRequest {
  attest::Hash nonce;
  std::function<void(AnswerOutcome)> done;
  bool even_stopped = false;  // then for the newest statement, whatever the TPM says to it
};
struct EnrolmentTask {
  attest::EnrolmentRequest asked;
  std::function<void(EnrolmentOutcome)> done;
};
using AnchoringRequest = std::variant<AnchorRequest, AnswerRequest, EnrolmentTask>;

// More are refused: a person or an auditor waits for each, and asks again.
constexpr std::size_t kMaxAnchoringRequests = 64;

class AnchorRequests {
 public:
  using Time = std::chrono::steady_clock::time_point;

  enum class Push { taken, full, closed };
  Push push(AnchoringRequest request);
  void new_records();
  void critical_event(std::uint64_t size);  // in the records [0, size)
  void close();

  std::optional<AnchoringRequest> take();
  // Returns when there is a request or a critical event, it is closed, the time has come or, if
  // asked, there are new records.
  void wait_until(Time time, bool until_new_records);
  // True once per new_records() (or per several of them).
  bool take_new_records();
  // The largest size given to critical_event() since the last call; 0: none.
  std::uint64_t take_critical_event();
  bool closed() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<AnchoringRequest> requests_;
  bool new_records_ = false;
  std::uint64_t critical_ = 0;
  bool closed_ = false;
};

}  // namespace stele::daemon
