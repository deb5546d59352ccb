// A stream decoded in pieces, for the fuzz targets of framing: what came out must not depend on
// them.
#pragma once

#include <utility>
#include <vector>

#include "attest/check.h"
#include "daemon/ingest/framing.h"

namespace stele::test {

using attest::Bytes;
using attest::ByteView;
using daemon::Frame;
using daemon::Framed;
using daemon::Framing;
using daemon::kMaxCountDigits;
using daemon::Refused;

struct Outcome {
  std::vector<Bytes> events;
  std::vector<std::pair<std::uint64_t, Refused::Fault>> refused;
  bool operator==(const Outcome&) const = default;
};

// The stream in pieces of this size, with at most `limit` events a call.
inline Outcome decode_in_pieces(Frame frame, std::uint32_t max, ByteView stream, std::size_t piece,
                                std::size_t limit) {
  Framing framing(frame, max);
  Outcome outcome;
  Bytes buffer;
  const auto keep = [&](const std::vector<Framed>& events, const std::vector<Refused>& refused,
                        ByteView from) {
    for (const Framed& e : events) {
      ENSURE(e.length <= max && e.offset + e.length <= from.size());
      const ByteView event = from.subspan(e.offset, e.length);
      outcome.events.emplace_back(event.begin(), event.end());
    }
    for (const Refused& r : refused) outcome.refused.emplace_back(r.at, r.fault);
  };
  while (!stream.empty()) {
    const ByteView next = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(next.size());
    buffer.insert(buffer.end(), next.begin(), next.end());
    for (bool all = false; !all;) {
      std::vector<Framed> events;
      std::vector<Refused> refused;
      const std::size_t used = framing.decode(buffer, limit, events, refused);
      ENSURE(used <= buffer.size());
      all = events.size() + refused.size() < limit;
      keep(events, refused, buffer);
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(used));
    }
    ENSURE(buffer.size() <= std::size_t{max} + kMaxCountDigits + 1);
  }
  std::vector<Framed> events;
  std::vector<Refused> refused;
  framing.finish(buffer, true, events, refused);
  keep(events, refused, buffer);
  return outcome;
}

}  // namespace stele::test
