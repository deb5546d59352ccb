#include "daemon/drop_ledger.h"

#include <algorithm>

namespace stele::daemon {

void DropLedger::add(const Source& source, const attest::Gap& gap) {
  const std::lock_guard lock(mutex_);
  totals_[gap.reason] += gap.lost;
  std::pair<std::string, std::string> key{source ? *source : std::string(), gap.reason};
  const bool known = accounts_.contains(key);
  const bool nameless = !known && accounts_.size() >= kMaxAccounts;
  if (nameless) key.first.clear();
  const auto [at, is_new] = accounts_.try_emplace(key, Account{nameless ? nullptr : source, gap});
  if (is_new) return;
  attest::Gap& sum = at->second.gap;
  sum.lost += gap.lost;
  sum.span->since_ns = std::min(sum.span->since_ns, gap.span->since_ns);
  sum.span->until_ns = std::max(sum.span->until_ns, gap.span->until_ns);
}

std::vector<DropLedger::Account> DropLedger::take() {
  const std::lock_guard lock(mutex_);
  std::vector<Account> out;
  for (auto& [key, account] : accounts_) out.push_back(std::move(account));
  accounts_.clear();
  return out;
}

bool DropLedger::empty() const {
  const std::lock_guard lock(mutex_);
  return accounts_.empty();
}

std::map<std::string, std::uint64_t> DropLedger::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace stele::daemon
