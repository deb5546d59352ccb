// The HTTP service: its listeners, its thread, its routes; an input like the others, which also
// answers.
//
// A thread of its own: handshakes, unpacking and hostile clients slow down nobody who sends by
// other ways. Thread safety: as Input; the constructor, serve() and the destructor on the service's
// thread.
// Errors: the constructor throws std::system_error where an address, a certificate or the store
// cannot be had; ConfigError for a passed socket that is open to others without a certificate. See:
// README.md.
#pragma once

#include <memory>
#include <vector>

#include "daemon/controlled_daemon.h"
#include "daemon/ingest/input.h"

namespace stele::daemon {

class HttpServer : public Input {
 public:
  // passed: sockets of that name from the service manager; from here on its own.
  HttpServer(const ControlledDaemon& daemon, const std::vector<int>& passed);
  ~HttpServer() override;
  // Begins its thread, which may then look at all that `daemon` names. Once.
  void serve();
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
