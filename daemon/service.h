// The service: one daemon's life, from the lock on the store to the final anchor.
//
//   check the directory → lock → recover the store → sequencer (boot and config records) → sockets
//   → anchorer → READY → … signal → read out senders → shutdown note → drain → final anchor → end
//
// Threads: the main one runs ingest and signals; the sequencer's writes; the anchorer's has the
// TPM; the reading one feeds the look-up, answers the control socket and, at the end, waits for the
// others. Blocks: run(). Errors: CannotServe before anything was accepted; later, run()'s exit
// code.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "daemon/config.h"
#include "daemon/passed_sockets.h"

namespace stele::daemon {

// The daemon cannot start: says why and what to do, and the exit code to end with.
class CannotServe : public std::runtime_error {
 public:
  CannotServe(int exit_code, const std::string& message)
      : runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

class Service {
 public:
  explicit Service(const Config& config, PassedSockets passed = {});
  ~Service();
  int run();  // until a signal or a failure; the exit code

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
