// Syslog over mutual TLS (RFC 5425): the source record names the certificate and the address.
//
//   {"address":"192.0.2.7","san":["DNS:web1.example"],"subject":"CN=web1","transport":"tls"}
//
// Frames are detected as over TCP: RFC 5425 has octet counts, relays send lines as well. The session
// itself: tls_receiver.h.
// Thread safety and errors: as Input; ListenError; ConfigError for certificates and keys.
// Trust: the certificate is one that client_ca signed, and is allowed by name (tls_context.h).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <vector>

#include "daemon/config.h"
#include "daemon/ingest/input.h"
#include "daemon/sequencer.h"

namespace stele::daemon {

// passed: listening descriptors, beside the configured addresses.
std::unique_ptr<Input> make_tls(const Config& config, const boost::asio::any_io_executor& executor,
                                Sequencer& sequencer, const std::vector<int>& passed = {});
// Throws what make_tls would for files that cannot be used.
void check_tls_files(const Config& config);

}  // namespace stele::daemon
