// Syslog over UDP (RFC 5426): one event a datagram, one source record an address.
//
// Errors: as Input; ListenError. Trust: anybody can forge a datagram's address.
#pragma once

#include "daemon/ingest/datagrams.h"

namespace stele::daemon {

// passed: bound descriptors, beside the configured addresses.
std::unique_ptr<Datagrams> make_udp(const Config& config,
                                    const boost::asio::any_io_executor& executor,
                                    Sequencer& sequencer, const std::vector<int>& passed = {});

}  // namespace stele::daemon
