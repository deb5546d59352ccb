#include "daemon/read_out/event_reader.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(read_out) {
  static EventReader reader;
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const ReadOut out = reader.read(text, 1764057001'000000000);
  for (const std::string& value : out.values) {
    ENSURE(value.size() <= kMaxValueBytes && (value.empty() || !out.unparsed()));
  }
  ENSURE(!out.unparsed() || !out.time_ns);
  ENSURE(reader.read(text, 1764057001'000000000).values == out.values);
  return !out.unparsed();
}
