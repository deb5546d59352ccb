// The audit input: reads auditd's af_unix plugin as its client, and comes back when auditd does.
//
//   connect → bytes → AuditStream → AuditEvents → batches → Sequencer
//
// auditd serves one reader; while nobody reads, it passes events over: their serials are missing
// afterwards, and become gap records. The position (this boot and its serials) goes with each
// event, so that this holds across restarts of the daemon. Nothing is read while kMaxWaiting bytes
// are not yet with the sequencer. Thread safety: one executor on one thread; counters() from any.
// Errors: whatever happens to the connection is logged once and tried again. Trust: the source
// record names the kernel's word on who serves the socket. See: README.md, "Linux audit".
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "daemon/config.h"
#include "daemon/ingest/input.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

class AuditInput : public Input {
 public:
  AuditInput(const Config& config, boost::asio::any_io_executor executor, Sequencer& sequencer);
  ~AuditInput() override;
  void sealed(std::uint64_t) override {}  // auditd waits for nothing
  void stop() override;
  bool read_out() const override;
  void close() override;
  InputCounters counters() const override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stele::daemon
