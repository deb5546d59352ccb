#include "daemon/read_out/json_event.h"

#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(json_event) {
  static JsonEvents kept({});
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  ReadOut out, anew;
  const bool read = kept.read(text, out);
  // What earlier events left in the parser changes nothing.
  ENSURE(JsonEvents({}).read(text, anew) == read);
  ENSURE(!read || (out.values == anew.values && out.format == anew.format && out.time_ns == anew.time_ns));
  for (const std::string& value : out.values) ENSURE(value.size() <= kMaxValueBytes);
  return read;
}
