// How many threads this process has: what a test compares before and after.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <thread>

namespace stele::test {

// To be called before the first count: a sanitizer's own thread begins with the first of ours,
// which is gone a moment after join().
inline void begin_with_a_thread() {
  std::thread([] {}).join();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

inline std::ptrdiff_t count_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

}  // namespace stele::test
