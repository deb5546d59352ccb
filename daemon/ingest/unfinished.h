// What the connections of one input hold beyond a read: long events of which the end is missing.
//
// Bounded together: whoever makes it too much has `relieve` end the connection that waits longest.
// Thread safety: one executor on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace stele::daemon {

class Unfinished {
 public:
  explicit Unfinished(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  // A connection that held `held` bytes has a buffer of `capacity` now; `usual` of it is a read's.
  void hold(std::size_t& held, std::size_t capacity, std::size_t usual) {
    const std::size_t beyond = capacity > usual ? capacity - usual : 0;
    const bool grown = beyond > held;
    bytes_ += beyond;
    bytes_ -= held;
    held = beyond;
    if (grown && bytes_ > limit_bytes_) relieve();
  }
  std::function<void()> relieve;

 private:
  std::uint64_t limit_bytes_;
  std::uint64_t bytes_ = 0;
};

}  // namespace stele::daemon
