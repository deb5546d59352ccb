// An ASCII IMA list that is read has entries whose digests are their data's, and is explained by
// its own value.
#include "attest/boot/measurement_replay.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;
using namespace stele::attest::boot;

FUZZ_TARGET(measurement_text) {
  const auto list =
      parse_ascii_measurement_list({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!list) return false;
  ENSURE(list->torn_bytes <= input.size());
  for (const Measurement& entry : list->entries) {
    ENSURE(entry.violation() || digest(Algorithm::sha1, {entry.template_data}) == entry.digest);
  }
  const auto value = replay(*list, Algorithm::sha384, ImaForm::own_digest);
  ENSURE(value && explain(*list, Algorithm::sha384, *value));
  return !list->entries.empty();
}
