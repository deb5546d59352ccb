#include "tests/fuzz/framed.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::test;

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
