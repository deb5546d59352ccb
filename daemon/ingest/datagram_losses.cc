#include "daemon/ingest/datagram_losses.h"

#include "attest/gap.h"

namespace stele::daemon {

void DatagramLosses::add(const Source& source, const std::string& reason, std::uint64_t count) {
  const bool full = accounts_.size() >= kMaxAccounts;
  const Source& whose = full && !accounts_.contains({*source, reason}) ? others_ : source;
  Account& account = accounts_[{*whose, reason}];
  account.source = whose;
  account.count += count;
}

Batch DatagramLosses::first(std::int64_t time_ns) const {
  const auto& [key, account] = *accounts_.begin();
  const std::string gap = encode(attest::Gap{account.count, key.second});
  Batch batch;
  batch.source = account.source;
  batch.bytes.assign(gap.begin(), gap.end());
  batch.items.push_back(
      {attest::Kind::gap, 0, static_cast<std::uint32_t>(batch.bytes.size()), time_ns});
  return batch;
}

}  // namespace stele::daemon
