// A binary IMA list that is read keeps to its limits, and is explained by its own value, whole or
// shorter; bytes after it that begin no entry change nothing but their own count.
#include "attest/boot/measurement_replay.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;
using namespace stele::attest::boot;

FUZZ_TARGET(measurement_list) {
  const auto list = parse_measurement_list(input);
  if (!list) {
    ENSURE(list.error().at.value <= input.size());
    return false;
  }
  ENSURE(list->entries.size() <= kMaxMeasurements && list->torn_bytes <= input.size());
  for (const ImaForm form : {ImaForm::own_digest, ImaForm::padded_sha1}) {
    const auto value = replay(*list, Algorithm::sha256, form);
    ENSURE(value.has_value());
    const auto part = explain(*list, Algorithm::sha256, *value);
    ENSURE(part && part->entries <= list->entries.size());
  }
  const auto whole = parse_measurement_list(input.first(input.size() - list->torn_bytes));
  ENSURE(whole && whole->torn_bytes == 0 && whole->entries.size() == list->entries.size());
  return !list->entries.empty();
}
