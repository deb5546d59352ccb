// A datagram socket as /dev/log: each datagram stamped with uid, gid and pid by the kernel.
//
// What syslog() and logger write to. The kernel never drops here: a sender waits, or is told.
// Errors: as Input; as SocketFile. Trust: the credentials are the kernel's word (SCM_CREDENTIALS);
// only root may state others than its own.
#pragma once

#include "daemon/ingest/datagrams.h"

namespace stele::daemon {

// passed: bound descriptors, beside the configured path.
std::unique_ptr<Input> make_unix_datagram(const Config& config,
                                          const boost::asio::any_io_executor& executor,
                                          Sequencer& sequencer,
                                          const std::vector<int>& passed = {});

}  // namespace stele::daemon
