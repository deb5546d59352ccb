// RefusalLedger: which refusals leave a record of their own, and how many of whom did not.
//
// Nothing was given out; what is kept of it is that somebody asked. Without a bound whoever may ask
// could fill the log by asking. Each caller (a certificate, a user) has a bucket of his own, so
// that a flood of one hides nobody else's refusal; what finds it empty is counted, and told with
// the next record of this caller. Thread safety: one thread. Memory: kMaxRefusedCallers buckets;
// further callers share one. Invariants: (1) a caller leaves at most kRefusalBurst + elapsed /
// kRefusalRefill records of refusals; (2) each refusal is recorded, told with a later record, or
// still counted here.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "daemon/token_bucket.h"

namespace stele::daemon {

constexpr std::uint32_t kRefusalBurst = 20;  // what a person reads
constexpr std::chrono::milliseconds kRefusalRefill{3'000};
constexpr std::size_t kMaxRefusedCallers = 64;  // more auditors than a host has

class RefusalLedger {
 public:
  using Time = TokenBucket::Time;
  // Whether a refusal of his may be recorded now; if not, it is counted.
  bool may_record(const std::string& caller, Time now);
  // How many left no record since this was last asked; whoever cannot record it gives it back.
  std::uint64_t take_unrecorded(const std::string& caller);
  void give_back(const std::string& caller, std::uint64_t unrecorded, Time now);

 private:
  struct Caller {
    TokenBucket bucket{kRefusalBurst, kRefusalRefill};
    std::uint64_t unrecorded = 0;
  };
  Caller& of(const std::string& caller, Time now);

  Caller others_;
  std::map<std::string, Caller> callers_;
};

}  // namespace stele::daemon
