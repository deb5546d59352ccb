// What a person sees on stderr while a verification takes longer than a second.
//
// On a terminal a bar, rewritten in place and wiped at the end; elsewhere a line every ten seconds.
// NO_COLOR (any value but an empty one) leaves the colours out. Thread safety: one thread.
#pragma once

#include <chrono>
#include <string>

#include "storage/store_reader.h"

namespace stele::tools {

class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(const storage::Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(const storage::Progress& progress, Clock::duration since_start) const;

  bool terminal_;
  bool colour_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point next_;
};

}  // namespace stele::tools
