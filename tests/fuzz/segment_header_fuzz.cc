#include "storage/segment_format.h"
#include "tests/fuzz/fuzz.h"

using namespace stele;

FUZZ_TARGET(segment_header) {
  std::size_t used = 0;
  const auto header = storage::decode_segment_header(input, used);
  if (!header) return false;
  ENSURE(used <= input.size());
  ENSURE(test::same(storage::encode(*header), input.first(used)));
  return true;
}
