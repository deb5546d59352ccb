#include "daemon/packer.h"

#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <string>
#include <utility>

#include "daemon/log.h"

namespace stele::daemon {
namespace {

constexpr std::uint64_t kStop = ~std::uint64_t{0};
constexpr int kLowestPriority = 19;
constexpr std::chrono::milliseconds kLook{10};

}  // namespace

Packer::Packer(const storage::Store& store, std::function<bool()> others_are_busy)
    : store_(store),
      others_are_busy_(std::move(others_are_busy)),
      sealed_(store.sealed_segments()),
      thread_([this] { run(); }) {}

Packer::~Packer() {
  stop();
}

void Packer::look() {
  const std::uint64_t now = store_.sealed_segments();
  std::uint64_t known = sealed_.load();
  if (known >= now) return;  // stopping, too
  if (sealed_.compare_exchange_strong(known, now)) sealed_.notify_one();
}

void Packer::stop() {
  sealed_ = kStop;
  sealed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Packer::run() {
  // Linux counts it per thread, whatever POSIX says of processes.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowestPriority);
  std::uint64_t done = 0;
  for (std::uint64_t sealed = sealed_; sealed != kStop; sealed = sealed_) {
    if (done == sealed) {
      sealed_.wait(sealed);
    } else {
      pack(done++);
    }
  }
}

// Asked by the store before each group.
bool Packer::goes_on() {
  for (auto paused = kLook; sealed_ != kStop && others_are_busy_ && others_are_busy_();
       paused += kLook) {
    if (paused > kLongestPause) return true;
    std::this_thread::sleep_for(kLook);
  }
  return sealed_ != kStop;
}

void Packer::pack(std::uint64_t number) {
  try {
    const auto size = store_.pack(number, [this] { return goes_on(); });
    if (!size) return;
    log(Priority::info, "segment " + std::to_string(number) +
                            " packed: " + std::to_string(size->before_bytes) + " bytes were, " +
                            std::to_string(size->after_bytes) + " are");
  } catch (const std::exception& error) {
    log(Priority::warning, "segment " + std::to_string(number) +
                               " stays unpacked, which costs only room: " + error.what());
  }
}

}  // namespace stele::daemon
