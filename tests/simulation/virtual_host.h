// What a process asks its host for besides files: time, sleep and chance, all from one seed.
//
// While a VirtualHost lives, std::chrono::system_clock, nanosleep and getrandom of this program
// answer from it (link option --wrap, see CMakeLists.txt). A sleep takes no time but the virtual
// one. Signatures that verified once are remembered by key, message and signature: the first look
// is OpenSSL's.
// Thread safety: one thread, one VirtualHost at a time.
#pragma once

#include <cstdint>
#include <functional>

namespace stele::test {

class VirtualHost {
 public:
  // passed: told of every stretch of time, so that other clocks run too.
  VirtualHost(std::uint64_t seed, std::function<void(std::uint64_t milliseconds)> passed);
  ~VirtualHost();
  VirtualHost(const VirtualHost&) = delete;
  VirtualHost& operator=(const VirtualHost&) = delete;

  std::int64_t now_ns() const { return now_ns_; }
  void pass(std::uint64_t milliseconds);
  void step_clock(std::int64_t milliseconds) { now_ns_ += milliseconds * 1'000'000; }  // wall only
  std::uint64_t random();

 private:
  std::int64_t now_ns_ = 1'700'000'000'000'000'000;
  std::uint64_t state_;
  std::function<void(std::uint64_t)> passed_;
};

}  // namespace stele::test
