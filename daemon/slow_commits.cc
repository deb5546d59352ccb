#include "daemon/slow_commits.h"

#include <algorithm>
#include <utility>

namespace stele::daemon {

void SlowCommits::committed(std::span<const storage::NewRecord> group, std::int64_t offset_ns,
                            std::int64_t boot_ns) {
  const std::int64_t looked_at = looked_at_ns_;
  if (looked_at == 0 || group.empty()) return;
  const auto oldest = std::min_element(
      group.begin(), group.end(),
      [](const auto& one, const auto& other) { return one.time_ns < other.time_ns; });
  constexpr std::int64_t kLimit = std::chrono::nanoseconds(kSlowCommit).count();
  // In this order nothing overflows, whatever a record is dated.
  if (oldest->time_ns > looked_at - kLimit + offset_ns) return;
  owed_ = Span{oldest->time_ns, boot_ns + offset_ns};
}

std::optional<SlowCommits::Note> SlowCommits::take_note() {
  const auto owed = std::exchange(owed_, std::nullopt);
  if (!owed) return std::nullopt;
  return Note{owed->until_ns, "{\"note\":\"slow_commit\",\"since_ns\":" +
                                  std::to_string(owed->since_ns) +
                                  ",\"until_ns\":" + std::to_string(owed->until_ns) + "}"};
}

}  // namespace stele::daemon
