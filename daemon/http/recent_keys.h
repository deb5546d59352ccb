// The recent idempotency keys: which request each stands for and where its events are.
//
// A key is known while it is one of the newest kMaxRecentKeys, for kRecentKeyAge, and, after a
// restart, while its events are among the newest kRecentKeyRecords records: rebuild() reads those.
// About 10 MiB when full. Thread safety: none. Blocks: rebuild(), while it reads.
// Errors: rebuild() as storage::Store::visit.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "daemon/http/idempotency_key.h"
#include "storage/store.h"

namespace stele::daemon {

constexpr std::size_t kMaxRecentKeys = 1u << 16;
constexpr std::chrono::hours kRecentKeyAge{24};
constexpr std::uint64_t kRecentKeyRecords = 1u << 18;

class RecentKeys {
 public:
  struct Placed {
    attest::Hash request;
    std::uint64_t first = 0;
    std::uint32_t count = 0;
    std::int64_t time_ns = 0;
  };
  explicit RecentKeys(std::size_t most = kMaxRecentKeys) : most_(most) {}
  void rebuild(const storage::Store& store, std::int64_t now_ns);
  void remember(const IdempotentRequest& request, std::uint64_t first, std::int64_t time_ns);
  std::optional<Placed> find(const attest::Hash& key, std::int64_t now_ns) const;
  std::size_t size() const { return keys_.size(); }

 private:
  const std::size_t most_;
  std::map<attest::Hash, Placed> keys_;
  std::deque<attest::Hash> oldest_first_;
};

}  // namespace stele::daemon
