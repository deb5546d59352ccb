#include "daemon/ingest/journal_positions.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(journal_positions) {
  const std::string text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto positions = parse_journal_positions(text);
  if (!positions) return false;
  ENSURE(positions->encoded() == text);
  return true;
}
