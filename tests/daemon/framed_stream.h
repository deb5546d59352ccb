// A stream in pieces, as a connection decodes it: the events and refusals that come out.
#pragma once

#include <string>
#include <vector>

#include "daemon/ingest/framing.h"

namespace stele::test {

// What a connection would do with the pieces of a stream, as a list: "event", or "!too_long@3".
std::vector<std::string> received(daemon::Frame frame, std::uint32_t max,
                                  const std::vector<std::string>& pieces, std::size_t limit = 1000,
                                  bool clean = true);

// Whole, split at every point, byte by byte and with every small limit: the same comes out.
// Refusals come after the events of the same decode, so order is compared apart.
void expect_in_any_pieces(daemon::Frame frame, std::uint32_t max, const std::string& stream,
                          const std::vector<std::string>& events,
                          const std::vector<std::string>& refused, bool clean = true);

}  // namespace stele::test
