// Complaints about senders in the daemon's log: as many as a person reads; the others are counted.
//
// Without a bound, whoever may connect could fill the journal of the host.
// Thread safety: none.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "daemon/token_bucket.h"

namespace stele::daemon {

class Complaints {
 public:
  void say(const std::string& what);  // or count it, and say how many with the next

 private:
  TokenBucket allowed_{20, std::chrono::milliseconds(3'000)};
  std::uint64_t unsaid_ = 0;
};

}  // namespace stele::daemon
