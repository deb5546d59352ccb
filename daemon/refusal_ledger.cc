#include "daemon/refusal_ledger.h"

#include <utility>

namespace stele::daemon {

bool RefusalLedger::may_record(const std::string& caller, Time now) {
  Caller& his = of(caller, now);
  if (his.bucket.take(now)) return true;
  ++his.unrecorded;
  return false;
}

std::uint64_t RefusalLedger::take_unrecorded(const std::string& caller) {
  const auto found = callers_.find(caller);
  return std::exchange(found == callers_.end() ? others_.unrecorded : found->second.unrecorded, 0);
}

void RefusalLedger::give_back(const std::string& caller, std::uint64_t unrecorded, Time now) {
  if (unrecorded > 0) of(caller, now).unrecorded += unrecorded;
}

// Whoever owes nothing is forgotten when there are too many; what was not told of him never is.
RefusalLedger::Caller& RefusalLedger::of(const std::string& caller, Time now) {
  if (const auto found = callers_.find(caller); found != callers_.end()) return found->second;
  if (callers_.size() >= kMaxRefusedCallers) {
    std::erase_if(callers_, [now](const auto& one) {
      return one.second.bucket.full(now) && one.second.unrecorded == 0;
    });
  }
  if (callers_.size() >= kMaxRefusedCallers) return others_;
  return callers_.emplace(caller, Caller{}).first->second;
}

}  // namespace stele::daemon
