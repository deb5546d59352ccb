// The journal input: follows the systemd journal on a thread of its own, and keeps its place in the
// log.
//
// Each entry is one event, in export format, with its cursor as position. What journald numbered
// and does not have any more is a gap record. Nothing is ever dropped: journald keeps what is not
// yet read. Thread safety: one executor on one thread; counters() from any. Errors: a journal that
// cannot be read is logged and tried again. See: README.md, "The journal".
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "daemon/config.h"
#include "daemon/ingest/input.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

class JournalInput : public Input {
 public:
  JournalInput(const Config& config, Sequencer& sequencer);
  ~JournalInput() override;
  void sealed(std::uint64_t) override {}  // journald waits for nothing
  void stop() override;                   // what is not read yet, journald keeps
  bool read_out() const override;
  void close() override;
  InputCounters counters() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele::daemon
