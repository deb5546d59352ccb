// All that the daemon carries outside by itself: witnesses asked, receipts handed out; on a thread
// of its own, so that no place outside can delay an event or an anchor.
//
// Thread safety: status() and anchored() from any thread; the rest on the service's. Blocks:
// stop(), at most its limit and what a read of the log itself takes. Errors: the constructor throws
// ConfigError (TLS files) and std::system_error.
// Invariants: (1) behind stop() nothing of the log is touched any more; (2) one place that hangs
// holds up no other.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "daemon/config.h"
#include "daemon/outward/own_log.h"
#include "daemon/outward/status.h"
#include "storage/file_system.h"

namespace stele::daemon {

class Outward {
 public:
  // The log must outlive it, or be gone only after stop(). files: where places that are files lie.
  Outward(const Config& config, OwnLog log, storage::FileSystem& files = storage::posix());
  ~Outward();
  void start();
  void anchored();  // a counter anchor is stored
  // Of each place, as its loop saw it last.
  std::vector<OutwardStatus> status() const;
  // One more try for each, the final anchor's; who does not take it now gets it later.
  void stop(std::chrono::milliseconds limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
