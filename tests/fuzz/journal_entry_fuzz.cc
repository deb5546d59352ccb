#include "daemon/read_out/journal_entry.h"

#include "tests/fuzz/fuzz.h"

using namespace stele::daemon;

FUZZ_TARGET(journal_entry) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const auto entry = parse_journal_entry(text);
  if (!entry) return false;
  ENSURE(looks_like_journal(text));
  for (const std::string_view value : entry->values) {
    ENSURE(value.empty() || (value.data() >= text.data() && value.end() <= text.end()));
  }
  ENSURE(!entry->priority() || *entry->priority() <= 7);
  const std::string record = entry->audit_record();
  ENSURE(record.empty() || record.starts_with("type="));
  return true;
}
