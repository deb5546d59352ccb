// SourceWindow: what the newest 2^20 records are to those that name them as their source; 256 KiB.
//
// Thread safety: one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "attest/record.h"

namespace stele::attest {

class SourceWindow {
 public:
  // Before record `index` is added: whether a record there may name this one as its source.
  bool may_name(std::uint64_t index, std::uint64_t source) const {
    return in_window(index, source) && is_source_[source % kSourceWindow];
  }
  // ... or could, if the record were shown.
  bool may_name_unseen(std::uint64_t index, std::uint64_t source) const {
    return in_window(index, source) && unseen_[source % kSourceWindow];
  }
  void add(std::uint64_t index, bool is_source) {
    is_source_[index % kSourceWindow] = is_source;
    unseen_[index % kSourceWindow] = false;
  }
  // Records [begin, end) are not shown.
  void skip(std::uint64_t begin, std::uint64_t end) {
    // A few bytes of evidence can skip this often: so whole words at once.
    const std::uint64_t count = std::min(end - begin, kSourceWindow);
    const std::uint64_t first = (end - count) % kSourceWindow;
    const std::uint64_t before_wrap = std::min(count, kSourceWindow - first);
    fill(first, before_wrap);
    fill(0, count - before_wrap);
  }
  // A record that was skipped is shown after all; `size` records were added or skipped.
  void show(std::uint64_t size, std::uint64_t index, bool is_source) {
    if (in_window(size, index)) add(index, is_source);
  }

 private:
  void fill(std::uint64_t place, std::uint64_t count) {
    const auto offset = static_cast<std::ptrdiff_t>(place);
    const auto length = static_cast<std::ptrdiff_t>(count);
    std::fill_n(is_source_.begin() + offset, length, false);
    std::fill_n(unseen_.begin() + offset, length, true);
  }
  static bool in_window(std::uint64_t index, std::uint64_t source) {
    return source < index && index - source < kSourceWindow;
  }
  std::vector<bool> is_source_ = std::vector<bool>(kSourceWindow);
  std::vector<bool> unseen_ = std::vector<bool>(kSourceWindow);
};

}  // namespace stele::attest
