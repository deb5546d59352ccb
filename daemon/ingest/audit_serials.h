// The kernel's serial numbers of audit events: which of them have not come, and count as lost.
//
// Events overtake each other, so that a missing number is waited for (kPatience) before it is lost.
// A number that starts over (another kernel) is no gap: it is lower than what came before, later in
// time, and not one of those missing. After 2^32 - 1 the kernel's counter goes on at 0, which is
// the same count going on: inside, numbers have 64 bits. Thread safety: a value; time is passed in.
// See: README.md, "Linux audit".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/gap.h"

namespace stele::daemon {

class AuditSerials {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr std::size_t kMaxRanges = 256;  // missing at a time; the oldest are lost then
  static constexpr std::uint64_t kEarly = 64;     // below the first: they were under way with it
  static constexpr std::uint64_t kOvertaken = 65'536;  // further back is another kernel

  // A record with this serial number, of an event of this time, has come. Lost numbers go to
  // `lost`.
  void seen(std::uint64_t number, std::int64_t event_ns, Time now, std::vector<attest::Gap>& lost);
  // What has been waited for long enough.
  void expire(Time now, std::vector<attest::Gap>& lost);
  bool waits() const { return !missing_.empty(); }

  // Where an earlier life of ours was: next number and missing ones, `open` among them:
  // "105:98,100-103".
  std::string position(std::vector<std::uint64_t> open) const;
  // Goes on from there; false: it is no position, nothing is changed.
  bool resume(std::string_view position, std::int64_t newest_ns, Time now);

 private:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // past the last
    std::int64_t since_ns = 0;
    std::int64_t until_ns = 0;
    Time noticed{};
  };
  std::uint64_t unrolled(std::uint64_t serial) const;
  bool found(std::uint64_t serial);  // it was missing
  void restart(std::uint64_t serial, std::int64_t event_ns, std::vector<attest::Gap>& lost);
  static void lose(const Range& range, std::vector<attest::Gap>& lost);

  std::optional<std::uint64_t> next_;
  std::uint64_t first_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t newest_ns_ = 0;
  std::vector<Range> missing_;  // by time noticed
};

}  // namespace stele::daemon
