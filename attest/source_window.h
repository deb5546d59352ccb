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
    const std::uint64_t count = std::min(end - begin, kSourceWindow);
    for (std::uint64_t index = end - count; index < end; ++index) {
      is_source_[index % kSourceWindow] = false;
      unseen_[index % kSourceWindow] = true;
    }
  }
  // A record that was skipped is shown after all; `size` records were added or skipped.
  void show(std::uint64_t size, std::uint64_t index, bool is_source) {
    if (in_window(size, index)) add(index, is_source);
  }

 private:
  static bool in_window(std::uint64_t index, std::uint64_t source) {
    return source < index && index - source < kSourceWindow;
  }
  std::vector<bool> is_source_ = std::vector<bool>(kSourceWindow);
  std::vector<bool> unseen_ = std::vector<bool>(kSourceWindow);
};

}  // namespace stele::attest
