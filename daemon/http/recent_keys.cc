#include "daemon/http/recent_keys.h"

#include <algorithm>

namespace stele::daemon {

void RecentKeys::rebuild(const storage::Store& store, std::int64_t now_ns) {
  const std::uint64_t size = store.head().size;
  store.visit(size - std::min(size, kRecentKeyRecords), size,
              [&](const storage::StoredRecord& record) {
                if (record.leaf.kind != attest::Kind::event || record.tlvs.empty()) return true;
                const auto request = find_idempotent_request(record.tlvs);
                if (request) remember(*request, record.index, record.leaf.time_ns);
                return true;
              });
  while (!oldest_first_.empty() && !find(oldest_first_.front(), now_ns)) {
    keys_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
}

void RecentKeys::remember(const IdempotentRequest& request, std::uint64_t first,
                          std::int64_t time_ns) {
  // One that is remembered already had become too old.
  const bool fresh =
      keys_.insert_or_assign(request.key, Placed{request.request, first, request.count, time_ns})
          .second;
  if (!fresh) {
    oldest_first_.erase(std::find(oldest_first_.begin(), oldest_first_.end(), request.key));
  }
  oldest_first_.push_back(request.key);
  while (keys_.size() > most_) {
    keys_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
}

std::optional<RecentKeys::Placed> RecentKeys::find(const attest::Hash& key,
                                                   std::int64_t now_ns) const {
  constexpr std::int64_t kAge = std::chrono::nanoseconds(kRecentKeyAge).count();
  const auto found = keys_.find(key);
  if (found == keys_.end() || now_ns - found->second.time_ns > kAge) return std::nullopt;
  return found->second;
}

}  // namespace stele::daemon
