#include "tools/stele_verify/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace stele::tools {

namespace {

constexpr auto kQuiet = std::chrono::seconds(1);
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kNextLine = std::chrono::seconds(10);
constexpr std::size_t kWidth = 30;

bool wants_colour() {
  const char* const no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

}  // namespace

ProgressBar::ProgressBar()
    : terminal_(::isatty(STDERR_FILENO) == 1),
      colour_(terminal_ && wants_colour()),
      start_(Clock::now()),
      next_(start_ + (terminal_ ? Clock::duration(kQuiet) : Clock::duration(kNextLine))) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
}

std::string ProgressBar::line(const storage::Progress& progress, Clock::duration since_start) const {
  const auto seconds = std::max<std::int64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(since_start).count(), 1);
  const std::uint64_t total = std::max<std::uint64_t>(progress.total_bytes, 1);
  const std::uint64_t percent = std::min<std::uint64_t>(progress.bytes * 100 / total, 100);
  const std::string figures = std::to_string(percent) + " %, " + std::to_string(progress.records) +
                              " records, " +
                              std::to_string(progress.records / static_cast<std::uint64_t>(seconds)) + "/s";
  if (!terminal_) return "stele-verify: " + figures;
  const std::size_t filled = static_cast<std::size_t>(percent) * kWidth / 100;
  const std::string bar = std::string(filled, '#');
  return "[" + (colour_ ? "\x1b[32m" + bar + "\x1b[0m" : bar) + std::string(kWidth - filled, '.') + "] " +
         figures;
}

void ProgressBar::show(const storage::Progress& progress) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kNextLine));
  if (terminal_) {
    std::cerr << '\r' << line(progress, now - start_) << "\x1b[K" << std::flush;
    drawn_ = true;
  } else {
    std::cerr << line(progress, now - start_) << std::endl;
  }
}

}  // namespace stele::tools
