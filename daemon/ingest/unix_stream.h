// The ingest socket: accepts connections, turns their bytes into batches, answers when they are
// durable.
//
//   read ≤ 256 KiB → Framing → one Batch a read → Sequencer → placed → acknowledgement line
//
// A connection is not read while it stands in the line before the sequencer (line.h), while more
// than kMaxInFlightBytes of it are not yet durable, or while its sender leaves kMaxAckBacklog
// acknowledgements unread: it then costs nobody else anything, and its memory stays bounded
// (read_buffer.h). Events that are longer than what it has for reading take turns (long_events.h).
// Thread safety: one executor on one thread; counters() from any. Errors: the constructor throws as
// UnixListener; whatever happens to a connection ends that connection only.
// Trust: events and openings come from whoever may connect; the source record from the kernel.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "daemon/config.h"
#include "daemon/ingest/input.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

class UnixStream : public Input {
 public:
  // passed: a listening descriptor in the place of the configured path.
  UnixStream(const Config& config, boost::asio::any_io_executor executor, Sequencer& sequencer,
             std::optional<int> passed = std::nullopt);
  ~UnixStream() override;
  void sealed(std::uint64_t size) override;
  void stop() override;
  bool read_out() const override;
  void close() override;
  InputCounters counters() const override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace stele::daemon
