// A histogram of durations: fixed bounds, one atomic addition each; cheap enough for every sync.
//
// Thread safety: all members from any thread; a snapshot may be one observation out of step.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace stele::daemon {

class DurationHistogram {
 public:
  // Seconds: from a sync on fast flash to a TPM that has nearly gone.
  static constexpr std::array<double, 16> kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                  0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                  1,      2.5,     10,     30};
  struct Snapshot {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};  // the last: above all bounds
    double sum_s = 0;
  };

  void observe(std::chrono::nanoseconds duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    std::size_t at = 0;
    while (at < kBounds.size() && seconds > kBounds[at]) ++at;
    ++counts_[at];
    sum_ns_ += static_cast<std::uint64_t>(duration.count());
  }
  Snapshot snapshot() const {
    Snapshot now;
    for (std::size_t i = 0; i < counts_.size(); ++i) now.counts[i] = counts_[i];
    now.sum_s = static_cast<double>(sum_ns_) / 1e9;
    return now;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts_{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

// Observes how long it lives.
class Stopwatch {
 public:
  explicit Stopwatch(DurationHistogram& histogram) : histogram_(histogram) {}
  ~Stopwatch() { histogram_.observe(std::chrono::steady_clock::now() - begin_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  DurationHistogram& histogram_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace stele::daemon
