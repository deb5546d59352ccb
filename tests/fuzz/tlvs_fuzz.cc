// TLVs have no decoder: what is accepted must be readable to its end, types ascending.
#include "attest/codec.h"
#include "attest/record.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

FUZZ_TARGET(tlvs) {
  if (!verify_tlvs(input)) return false;
  Reader reader(input);
  Bytes again;
  for (int previous = -1; reader.left() > 0;) {
    const std::uint16_t type = reader.u16();
    ENSURE(type > previous);
    previous = type;
    Writer(again).u16(type).sized32(reader.sized32());
  }
  ENSURE(reader.done() && stele::test::same(again, input));
  return true;
}
