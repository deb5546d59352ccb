// SourceWindow: which of the newest 2^20 records are source records; one bit each, 128 KiB.
//
// Thread safety: one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "attest/record.h"

namespace stele::attest {

class SourceWindow {
 public:
  // Before record `index` is added: whether a record there may name this one as its source.
  bool may_name(std::uint64_t index, std::uint64_t source) const {
    return source < index && index - source < kSourceWindow && bits_[source % kSourceWindow];
  }
  void add(std::uint64_t index, bool is_source) { bits_[index % kSourceWindow] = is_source; }

 private:
  std::vector<bool> bits_ = std::vector<bool>(kSourceWindow);
};

}  // namespace stele::attest
