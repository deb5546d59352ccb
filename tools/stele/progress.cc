#include "tools/stele/progress.h"

#include <unistd.h>

#include <iostream>

namespace stele::tools {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t kBarWidth = 30;

std::string bar(std::uint64_t done, std::uint64_t total) {
  const std::uint64_t filled = done >= total ? kBarWidth : done * kBarWidth / total;
  return '[' + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
}

}  // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)), terminal_(isatty(STDERR_FILENO) == 1), next_(Clock::now() + 1s) {}

Progress::~Progress() {
  if (shown_ && terminal_) std::cerr << "\r\x1b[K" << std::flush;
}

void Progress::at(std::uint64_t done, std::uint64_t total, const std::string& words) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  shown_ = true;
  if (terminal_) {
    next_ = now + 100ms;
    std::cerr << '\r' << (total > 0 ? bar(done, total) : "") << what_ << ": " << words << "\x1b[K"
              << std::flush;
  } else {
    next_ = now + 10s;
    std::cerr << "stele: " << what_ << ": " << words << std::endl;
  }
}

}  // namespace stele::tools
