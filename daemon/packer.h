// The packer: compresses sealed segments behind the log, when the machine has nothing better to do.
//
// Thread safety: look() and stop() from any thread. Its own thread has the lowest priority and
// writes in small portions, so that neither ingest nor its syncs wait for it. Errors: logged; a
// segment that cannot be packed stays as it is, and is tried again at the next start. Durability:
// as storage/pack.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "storage/store.h"

namespace stele::daemon {

class Packer {
 public:
  explicit Packer(const storage::Store& store);  // begins with what an earlier life left
  ~Packer();
  void look();  // a segment may have been sealed
  void stop();  // gives up what is not finished

 private:
  void run();
  void pack(std::uint64_t number);

  const storage::Store& store_;
  std::atomic<std::uint64_t> sealed_;  // segments; all ones: stop
  std::thread thread_;
};

}  // namespace stele::daemon
