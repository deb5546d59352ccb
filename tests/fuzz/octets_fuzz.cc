#include "tests/fuzz/framed.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::test;

// Byte 0: largest event; byte 1: size of pieces; the rest is a stream that may be octet-counted.
FUZZ_TARGET(octets) {
  if (input.size() < 2) return false;
  const std::uint32_t max = input[0];
  const ByteView stream = input.subspan(2);
  const Outcome whole =
      decode_in_pieces(Frame::octets, max, stream, stream.size(), stream.size() + 1);
  ENSURE(whole ==
         decode_in_pieces(Frame::octets, max, stream, input[1] % 16u + 1, input[1] / 16u + 1));
  // What does not begin with a count is lines, to the byte.
  if (stream.empty() || stream[0] < '1' || stream[0] > '9') {
    ENSURE(whole == decode_in_pieces(Frame::lf, max, stream, stream.size(), stream.size() + 1));
  }
  return !whole.events.empty();
}
