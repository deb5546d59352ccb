#include "daemon/http/enrolment_gate.h"

namespace stele::daemon {

std::optional<TokenBucket::Clock::duration> EnrolmentGate::shut_for(const std::string& caller,
                                                                    Time now) {
  TokenBucket& bucket = bucket_of(caller, now);
  if (bucket.take(now)) return std::nullopt;
  return bucket.next(now) - now;
}

TokenBucket& EnrolmentGate::bucket_of(const std::string& caller, Time now) {
  if (const auto found = callers_.find(caller); found != callers_.end()) return found->second;
  if (callers_.size() >= kMaxEnrollingCallers) {
    std::erase_if(callers_, [now](const auto& one) { return one.second.full(now); });
  }
  if (callers_.size() >= kMaxEnrollingCallers) return others_;
  return callers_.emplace(caller, TokenBucket(burst_, refill_)).first->second;
}

}  // namespace stele::daemon
