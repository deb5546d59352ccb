#include "daemon/drop_ledger.h"

#include <algorithm>

namespace stele::daemon {

// Where memory runs out, neither the gap nor the position that counts it is here.
void DropLedger::add(const Source& source, const attest::Gap& gap,
                     const std::optional<Position>& counted_to) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> positions;
  if (counted_to) {
    positions = positions_;
    positions.insert_or_assign(counted_to->input, counted_to->value);
  }
  totals_[gap.reason] += gap.lost;
  std::pair<std::string, std::string> key{source ? *source : std::string(), gap.reason};
  const bool known = accounts_.contains(key);
  const bool nameless = !known && accounts_.size() >= kMaxAccounts;
  if (nameless) key.first.clear();
  const auto [at, is_new] = accounts_.try_emplace(key, Account{nameless ? nullptr : source, gap});
  if (counted_to) positions_.swap(positions);
  if (is_new) return;
  attest::Gap& sum = at->second.gap;
  sum.lost += gap.lost;
  sum.span->since_ns = std::min(sum.span->since_ns, gap.span->since_ns);
  sum.span->until_ns = std::max(sum.span->until_ns, gap.span->until_ns);
}

void DropLedger::state(const Position& position) {
  const std::lock_guard lock(mutex_);
  positions_.insert_or_assign(position.input, position.value);
}

DropLedger::Taken DropLedger::take() {
  const std::lock_guard lock(mutex_);
  Taken taken;
  for (auto& [key, account] : accounts_) taken.accounts.push_back(std::move(account));
  accounts_.clear();
  taken.positions.swap(positions_);
  return taken;
}

bool DropLedger::empty() const {
  const std::lock_guard lock(mutex_);
  return accounts_.empty() && positions_.empty();
}

std::map<std::string, std::uint64_t> DropLedger::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace stele::daemon
