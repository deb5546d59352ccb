// A token bucket: how often something costly may be done: `burst` at once, one more each `refill`.
//
// Kept as one time: when the bucket will be full again. Counter anchors wear the TPM's flash: all
// of them draw on one bucket.
// Thread safety: a value.
// Invariants: (1) take() never lets more than burst + elapsed / refill through.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace stele::daemon {

class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  TokenBucket(std::uint32_t burst, std::chrono::milliseconds refill)
      : refill_(refill), depth_(refill * burst) {}

  // True and one token less; false and nothing changed when there is none.
  bool take(Time now) {
    if (next(now) > now) return false;
    draw(now);
    return true;
  }
  // Takes a token that may not be there: a debt, which delays every later take().
  void draw(Time now) { full_at_ = std::max(full_at_, now) + refill_; }
  // A token that was taken for nothing.
  void put_back() { full_at_ -= refill_; }
  bool full(Time now) const { return full_at_ <= now; }
  // The earliest time at which take() succeeds; `now` if it does now.
  Time next(Time now) const { return std::max(now, full_at_ + refill_ - depth_); }

 private:
  Clock::duration refill_;
  Clock::duration depth_;
  Time full_at_{};
};

}  // namespace stele::daemon
