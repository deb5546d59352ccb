// The three fixed parts of a commit group, told apart by their length.
#include "storage/segment_format.h"
#include "tests/fuzz/fuzz.h"

using namespace stele;

FUZZ_TARGET(group_parts) {
  bool accepted = false;
  if (const auto header = storage::decode_group_header(input)) {
    ENSURE(test::same(storage::encode(*header), input));
    ENSURE(header->length() <= storage::kMaxGroupBytes);
    accepted = true;
  }
  if (const auto trailer = storage::decode_group_trailer(input)) {
    ENSURE(test::same(storage::encode(*trailer), input));
    accepted = true;
  }
  if (const auto block = storage::decode_block_header(input)) {
    ENSURE(test::same(storage::encode(*block), input));
    accepted = true;
  }
  return accepted;
}
