#include "daemon/ingest/framing.h"

#include <utility>

#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;
using stele::attest::Bytes;
using stele::attest::ByteView;

namespace {

struct Outcome {
  std::vector<Bytes> events;
  std::vector<std::pair<std::uint64_t, Refused::Fault>> refused;
  bool operator==(const Outcome&) const = default;
};

// The stream in pieces of this size, with at most `limit` events a call.
Outcome decode_in_pieces(Frame frame, std::uint32_t max, ByteView stream, std::size_t piece,
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
    ENSURE(buffer.size() <= std::size_t{max} + 4);
  }
  std::vector<Framed> events;
  std::vector<Refused> refused;
  framing.finish(buffer, true, events, refused);
  keep(events, refused, buffer);
  return outcome;
}

}  // namespace

// Byte 0: frame and largest event; byte 1: size of pieces; the rest is the stream.
FUZZ_TARGET(framing) {
  if (input.size() < 2) return false;
  const Frame frame = input[0] & 1 ? Frame::len32 : Frame::lf;
  const std::uint32_t max = input[0] >> 1;
  const ByteView stream = input.subspan(2);
  const Outcome whole = decode_in_pieces(frame, max, stream, stream.size(), stream.size() + 1);
  ENSURE(whole == decode_in_pieces(frame, max, stream, input[1] % 16u + 1, input[1] / 16u + 1));
  return !whole.events.empty();
}
