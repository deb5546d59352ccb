// The HTTP service: its listeners, its thread, its routes; an input like the others, which also
// answers.
//
// A thread of its own: handshakes, unpacking and hostile clients slow down nobody who sends by
// other ways. Thread safety: as Input; the constructor and destructor on the service's thread.
// Errors: the constructor throws std::system_error where an address, a certificate or the store
// cannot be had. See: README.md.
#pragma once

#include <memory>

#include "daemon/controlled_daemon.h"
#include "daemon/ingest/input.h"

namespace stele::daemon {

class HttpServer : public Input {
 public:
  explicit HttpServer(const ControlledDaemon& daemon);
  ~HttpServer() override;
  void sealed(std::uint64_t size) override;
  void stop() override;
  bool read_out() const override;
  void close() override;
  InputCounters counters() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
