// A datagram input: one datagram is one event, byte for byte; none is ever waited for.
//
//   readable → up to 64 datagrams by one recvmmsg → one Batch for each run of one sender →
//   sequencer
//
// What finds no room is dropped and counted, and a gap record of its sender follows as soon as
// there is room; so for what the kernel dropped before it could be read. At a passed socket that
// goes on from what the log knows, whoever ran or did not meanwhile (passed_drops.h). For
// what is longer than limits.max_event_bytes the gap record stands behind the run of its sender.
// Thread safety: one executor on one thread; counters() from any. Errors: as Input.
// Trust: events come from whoever may send; the sender is what the kernel says (UDP: what the
// network says, which anybody can forge).
#pragma once

#include <sys/socket.h>

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/ingest/input.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

// Who sent this datagram: the content of its source record, the same pointer for the same sender.
using DatagramSource = std::function<std::shared_ptr<const std::string>(const msghdr&)>;

struct DatagramSocket {
  int fd = -1;
  std::string listener;  // the content of the source record of what the kernel dropped
  bool passed = false;   // by who keeps it for the next daemon, and the kernel drops at it
};

class Datagrams : public Input {
 public:
  // The descriptors become the input's. largest: no datagram of this kind is longer. Where a socket
  // was passed, reads the log back to the newest position of such.
  Datagrams(const Config& config, boost::asio::any_io_executor executor, Sequencer& sequencer,
            std::vector<DatagramSocket> sockets, std::size_t largest, DatagramSource source);
  ~Datagrams() override;
  void sealed(std::uint64_t) override {}
  void stop() override;
  bool read_out() const override;
  void close() override;
  InputCounters counters() const override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace stele::daemon
