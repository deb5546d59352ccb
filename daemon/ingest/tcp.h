// Syslog over TCP (RFC 6587): one source record for each address, whatever its ports.
//
// A connection that begins with a digit is octet-counted, any other is lines (framing.h).
// Thread safety and errors: as Input; ListenError. Trust: events come from whoever reaches the
// port; the address is what the kernel says of the peer.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <vector>

#include "daemon/config.h"
#include "daemon/ingest/network_stream.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

using TcpInput = NetworkStream<TcpReceiver>;
// passed: listening descriptors, beside the configured addresses.
std::unique_ptr<TcpInput> make_tcp(const Config& config,
                                   const boost::asio::any_io_executor& executor,
                                   Sequencer& sequencer, const std::vector<int>& passed = {});

}  // namespace stele::daemon
