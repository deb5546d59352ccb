// The feeder's pace: whether the look-up lets the log go first, because a burst is coming in.
//
// Whoever sends waits for the log, nobody waits for the look-up: it is derived, and answers are the
// same without it. So while records come faster than kBurstRate the feeder leaves the processor to
// them, until it is kMostBehind; under a load that never ends it stays that far behind.
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace stele::daemon {

class FeedPace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kPause{10};  // until the next look
  // A burst is over when none was seen for so long: groups are some milliseconds apart, tens on a
  // slow disk.
  static constexpr std::chrono::milliseconds kQuiet{100};
  // Records a second: a few times below what a feeder of one core manages beside the log.
  static constexpr std::uint64_t kBurstRate = 100'000;
  // Fewer new records than this are no burst, however fast they came: a quarter of a filled group.
  static constexpr std::uint64_t kFewestOfBurst = 1u << 10;
  // Records: about three seconds of feeding, and what a query scans in about as long.
  static constexpr std::uint64_t kMostBehind = 1u << 21;

  // The log has `size` records, `fed` of them are in the look-up.
  bool waits(std::uint64_t size, std::uint64_t fed, Time now) {
    const std::uint64_t came = size - seen_;
    const std::chrono::duration<double> took = now - seen_at_;
    const bool burst = seen_at_ != Time{} && came >= kFewestOfBurst &&
                       static_cast<double>(came) > took.count() * static_cast<double>(kBurstRate);
    if (burst) burst_at_ = now;
    seen_ = size;
    seen_at_ = now;
    const bool quiet = burst_at_ == Time{} || now - burst_at_ >= kQuiet;
    return !quiet && size - fed < kMostBehind;
  }

 private:
  std::uint64_t seen_ = 0;  // the log's size at the last look
  Time seen_at_{};
  Time burst_at_{};
};

}  // namespace stele::daemon
