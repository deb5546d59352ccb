// A whole journal file through EntryReader.
#include "storage/journal_format.h"
#include "storage/store_reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/memory_files.h"

using namespace stele;

FUZZ_TARGET(journal) {
  if (const auto header = storage::decode_journal_header(input)) {
    ENSURE(test::same(storage::encode(*header), input));
  }
  if (const auto entry = storage::decode_entry_header(input)) {
    ENSURE(test::same(storage::encode(*entry), input));
  }
  test::MemoryFiles files;
  files.files[test::MemoryFiles::journal(0)].assign(input.begin(), input.end());
  storage::EntryReader reader(files, test::MemoryFiles::kDirectory);
  std::uint64_t entries = 0;
  while (const auto entry = reader.next()) {
    ENSURE(entry->number == entries++);
    ENSURE(entry->payload.size() <= input.size());
  }
  ENSURE(reader.entries() == entries);
  return !reader.torn() && !reader.defect();
}
