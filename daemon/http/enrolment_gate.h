// EnrolmentGate: how often one caller's enrolments may come to nothing before the TPM is troubled
// no more.
//
// Each identity that is asked for makes the TPM make an endorsement key and answer; a credential
// that is not for it costs it as much. Whoever goes on to an activation that the TPM grants has
// enrolled, and owes nothing; whoever does not has a token less of his own bucket, however he was
// refused or left off. Each caller (a certificate, a user of this machine) has his own, so that a
// broken script of one shuts out no other.
// Thread safety: one thread. Memory: kMaxEnrollingCallers buckets.
// Invariants: (1) a caller without a success is let in at most burst + elapsed / refill times.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "daemon/token_bucket.h"

namespace stele::daemon {

// Remembered at once: more auditors than a host has. A further one shares the bucket of all such.
constexpr std::size_t kMaxEnrollingCallers = 64;

class EnrolmentGate {
 public:
  using Time = TokenBucket::Time;
  EnrolmentGate(std::uint32_t burst, std::chrono::milliseconds refill)
      : burst_(burst), refill_(refill), others_(burst, refill) {}
  // Nothing: let in, and one token less until enrolled(). Else for how long the gate is shut.
  std::optional<TokenBucket::Clock::duration> shut_for(const std::string& caller, Time now);
  // What was let in did not come to the TPM, or the TPM was not there: no fault of the caller's.
  void forgive(const std::string& caller, Time now) { bucket_of(caller, now).put_back(); }
  void enrolled(const std::string& caller) { callers_.erase(caller); }

 private:
  TokenBucket& bucket_of(const std::string& caller, Time now);

  std::uint32_t burst_;
  std::chrono::milliseconds refill_;
  TokenBucket others_;
  std::map<std::string, TokenBucket> callers_;  // those that have not all their tokens
};

}  // namespace stele::daemon
