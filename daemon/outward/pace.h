// Pace: when a place outside is turned to next: after its interval, or, while it fails, later and
// later.
//
// Thread safety: a value.
#pragma once

#include <algorithm>
#include <chrono>

namespace stele::daemon {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kFirstBackOff{1'000};
  static constexpr std::chrono::milliseconds kLastBackOff{3'600'000};

  bool failing() const { return back_off_.count() > 0; }
  void succeeded() { back_off_ = {}; }
  // Doubled from the first to the last: a place that is away for a day costs a try an hour.
  std::chrono::milliseconds failed() {
    back_off_ = failing() ? std::min(back_off_ * 2, kLastBackOff) : kFirstBackOff;
    return back_off_;
  }

 private:
  std::chrono::milliseconds back_off_{0};
};

}  // namespace stele::daemon
