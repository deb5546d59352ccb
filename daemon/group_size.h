// How much is sealed by one sync: no more than keeps reading and sealing in step, no less than the
// disk needs.
//
// While a group is hashed and written its senders stand at their limits, so small groups overlap
// better with reading and stay in the processor's cache (measured: daemon/README.md, "How large a
// group is"). But each group pays for a sync. So a filled group that was slow makes the next twice
// as large. Whether disk or processor is slow cannot be told from its time: what was grown is
// halved now and then to see whether it still needs to be.
//
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace stele::daemon {

class GroupSize {
 public:
  static constexpr std::uint64_t kLeastRecords = 1u << 12, kLeastBytes = 2u << 20;  // a part
  static constexpr std::uint64_t kMost =
      4;  // parts: above, the first of a group's events wait too long
  // For a part, a sync's share in it. Under full load a part took about 6 ms, its sync in it.
  static constexpr std::chrono::milliseconds kSlow{12}, kQuick{6};
  static constexpr int kTrial = 256;  // filled groups: some seconds of full load

  // So much would fill a group, were they as small as they get.
  static bool is_a_part(std::uint64_t records, std::uint64_t bytes) {
    return records >= kLeastRecords || bytes >= kLeastBytes;
  }
  std::uint64_t records() const { return parts_ * kLeastRecords; }
  std::uint64_t bytes() const { return parts_ * kLeastBytes; }
  // A group of so much was hashed, written and synced in this time. One that was not filled tells
  // nothing.
  void took(std::uint64_t records, std::uint64_t bytes, std::chrono::nanoseconds time);

 private:
  std::uint64_t parts_ = 1;
  int filled_ = 0;  // at this size
};

}  // namespace stele::daemon
