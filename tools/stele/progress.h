// How far a long command is, on stderr: nothing in the first second, then a bar on a terminal, else
// a line every ten seconds. No colours, so NO_COLOR has nothing to forbid.
//
// Thread safety: one thread. Blocks: no longer than writing to stderr does.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace stele::tools {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  // takes the bar away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // total 0: not known.
  void at(std::uint64_t done, std::uint64_t total, const std::string& words);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point next_;
};

}  // namespace stele::tools
