#include "daemon/group_size.h"

#include <algorithm>

namespace stele::daemon {

void GroupSize::took(std::uint64_t records, std::uint64_t bytes, std::chrono::nanoseconds time) {
  // A batch is never parted: a group may end below its limits for the next batch, and be more for
  // its only one.
  if (2 * records <= this->records() && 2 * bytes <= this->bytes()) return;
  const std::uint64_t parts = std::max({parts_, records / kLeastRecords, bytes / kLeastBytes});
  const auto each = time / static_cast<std::int64_t>(parts);
  const std::uint64_t before = parts_;
  ++filled_;
  if (each > kSlow) {
    parts_ = std::min(2 * parts_, kMost);
  } else if (each < kQuick) {
    parts_ = std::max<std::uint64_t>(parts_ / 2, 1);
  }
  if (parts_ == before && filled_ < kTrial) return;
  if (parts_ == before) parts_ = std::max<std::uint64_t>(parts_ / 2, 1);
  filled_ = 0;
}

}  // namespace stele::daemon
