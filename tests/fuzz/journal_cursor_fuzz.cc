#include "daemon/ingest/journal_export.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

// As a cursor; and as a field, which comes back out of the export format byte for byte.
FUZZ_TARGET(journal_cursor) {
  const std::string text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto number = journal_number(text);
  if (number) ENSURE(number->numbering.size() == 32 && number->boot.size() == 32);
  std::string entry;
  append_field(entry, "F=" + text);
  if (entry.starts_with("F=")) {
    ENSURE(entry == "F=" + text + "\n");
  } else {
    ENSURE(entry.size() == text.size() + 11 && entry.substr(10) == text + "\n");
  }
  return number.has_value();
}
