// The packer: compresses sealed segments behind the log, when the machine has nothing better to do.
//
// Thread safety: look() and stop() from any thread. Its own thread has the lowest priority, and
// writes in small portions, so that neither ingest nor its syncs wait for it; and since priority
// decides nothing where the other threads wait for the disk in between, it stands back while they
// are busy: up to kLongestPause before each group that it packs or compares, so that it gets on
// under load that never ends. Errors: logged; a
// segment that cannot be packed stays as it is, and is tried again at the next start. Durability:
// as storage/pack.h.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "storage/store.h"

namespace stele::daemon {

class Packer {
 public:
  // Several times what a group takes to pack, so that little of a processor goes to it meanwhile.
  static constexpr std::chrono::milliseconds kLongestPause{100};
  // Begins with what an earlier life left. Whether others are busy is asked on its own thread.
  explicit Packer(const storage::Store& store, std::function<bool()> others_are_busy = {});
  ~Packer();
  void look();  // a segment may have been sealed
  void stop();  // gives up what is not finished

 private:
  void run();
  void pack(std::uint64_t number);
  bool goes_on();

  const storage::Store& store_;
  const std::function<bool()> others_are_busy_;
  std::atomic<std::uint64_t> sealed_;  // segments; all ones: stop
  std::thread thread_;
};

}  // namespace stele::daemon
