// A sender to the ingest socket, which sends all events and waits for them.
#pragma once

#include <string>

namespace stele::bench {

// Sends everything, half-closes, reads acknowledgements to the end; the newest line.
std::string send_and_wait(const std::string& path);

}  // namespace stele::bench
