// IndexRanges: a set of records' numbers, as the fewest intervals [begin, end), ascending.
//
// Thread safety: a value.
#pragma once

#include <cstdint>
#include <map>

namespace stele::attest {

class IndexRanges {
 public:
  // Joins what it overlaps or touches. Precondition: begin <= end.
  void add(std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return;
    auto next = ends_.upper_bound(begin);
    if (next != ends_.begin()) {
      const auto before = std::prev(next);
      if (before->second >= end) return;
      if (before->second >= begin) {
        begin = before->first;
        next = ends_.erase(before);
      }
    }
    while (next != ends_.end() && next->first <= end) {
      if (next->second > end) end = next->second;
      next = ends_.erase(next);
    }
    ends_.emplace_hint(next, begin, end);
  }
  bool holds(std::uint64_t index) const {
    const auto next = ends_.upper_bound(index);
    return next != ends_.begin() && std::prev(next)->second > index;
  }
  bool empty() const { return ends_.empty(); }
  // One above the highest; 0 if empty.
  std::uint64_t end() const { return ends_.empty() ? 0 : ends_.rbegin()->second; }
  const std::map<std::uint64_t, std::uint64_t>& intervals() const { return ends_; }

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  // of each begin
};

}  // namespace stele::attest
