#include "daemon/ingest/complaints.h"

#include <utility>

#include "daemon/log.h"

namespace stele::daemon {

void Complaints::say(const std::string& what) {
  if (!allowed_.take(TokenBucket::Clock::now())) {
    ++unsaid_;
    return;
  }
  const std::uint64_t unsaid = std::exchange(unsaid_, 0);
  const std::string others = " (" + std::to_string(unsaid) + " others were not said)";
  log(Priority::warning, unsaid == 0 ? what : what + others);
}

}  // namespace stele::daemon
