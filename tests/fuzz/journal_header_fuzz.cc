#include "daemon/ingest/journal_header.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

// The numbering reads as a cursor's does; nothing behind the header counts. The same bytes are a
// file's name, which is journald's own only by its beginning.
FUZZ_TARGET(journal_header) {
  const std::string name(reinterpret_cast<const char*>(input.data()), input.size());
  if (is_journald_name(name)) ENSURE(name.starts_with("system") || name.starts_with("user-"));
  const auto header = parse_journal_header(input);
  if (!header) return false;
  ENSURE(header->numbering.size() == 32);
  const auto bare = parse_journal_header(input.first(kJournalHeaderBytes));
  ENSURE(bare && bare->numbering == header->numbering && bare->newest == header->newest &&
         bare->oldest == header->oldest && bare->archived == header->archived);
  return true;
}
