// Which events are critical: those that contain one of the configured byte strings.
//
// Thread safety: immutable. Blocks: no longer than looking through the bytes once for each pattern
// takes (a few GiB a second each); without patterns nothing is looked at.
// See: README.md, "Critical events".
#pragma once

#include <string>
#include <vector>

#include "daemon/sequencer.h"

namespace stele::daemon {

class CriticalEvents {
 public:
  explicit CriticalEvents(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}
  // Whether an event of the batch contains a pattern, all of it. Other kinds of record do not
  // count.
  bool are_in(const Batch& batch) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace stele::daemon
