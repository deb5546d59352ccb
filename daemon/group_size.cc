#include "daemon/group_size.h"

#include <algorithm>

namespace stele::daemon {

void GroupSize::took(std::uint64_t records, std::uint64_t bytes, std::chrono::nanoseconds time) {
  // A batch is never parted: what ends below the limits may be all that fits.
  const bool filled = 2 * records > this->records() || 2 * bytes > this->bytes();
  if (!filled) return;
  const auto each = time / static_cast<std::int64_t>(times_);
  if (each > kSlow) {
    times_ = std::min(2 * times_, kMost);
  } else if (each < kQuick) {
    times_ = std::max<std::uint64_t>(times_ / 2, 1);
  }
}

}  // namespace stele::daemon
