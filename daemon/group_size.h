// How much is sealed by one sync: no more than keeps reading and sealing in step, no less than the disk needs.
//
// While a group is hashed and written its senders stand at their limits, so small groups overlap better with reading
// and stay in the processor's cache (measured: daemon/README.md, "How large a group is"). But each group pays for a
// sync. So a group that was filled and waited mostly for the disk makes the next twice as large, and back.
//
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace stele::daemon {

class GroupSize {
 public:
  static constexpr std::uint64_t kLeastRecords = 1u << 12, kLeastBytes = 2u << 20;
  static constexpr std::uint64_t kMost = 4;  // times the least: above, the first of its events wait too long
  // What hashing and writing the least group takes on a slow processor is half of the first; a sync goes on top.
  static constexpr std::chrono::milliseconds kSlow{12}, kQuick{6};

  std::uint64_t records() const { return times_ * kLeastRecords; }
  std::uint64_t bytes() const { return times_ * kLeastBytes; }
  // A group of so much, from its first record's hash to the sync's end. One that was not filled tells nothing.
  void took(std::uint64_t records, std::uint64_t bytes, std::chrono::nanoseconds time);

 private:
  std::uint64_t times_ = 1;  // the least
};

}  // namespace stele::daemon
