#include "daemon/journal_files.h"

#include "attest/entry.h"
#include "attest/statement.h"
#include "storage/damage.h"

namespace stele::daemon {
namespace {

using attest::EntryKind;

// Where a journal's file begins: its log, and the first statement in it.
struct FileFront {
  std::optional<attest::Hash> log_id;
  std::optional<std::uint64_t> seq;
};

FileFront front_of(storage::FileSystem& files, const std::string& directory, std::uint64_t number) {
  storage::EntryReader reader(files, directory, number);
  FileFront front;
  while (const auto entry = reader.next()) {
    if (front.log_id && reader.log_id() != front.log_id) break;
    front.log_id = reader.log_id();
    if (entry->kind != static_cast<std::uint8_t>(EntryKind::intent)) continue;
    if (const auto statement = attest::decode_statement(entry->payload)) front.seq = statement->seq;
    break;
  }
  return front;
}

}  // namespace

std::uint64_t file_before(storage::FileSystem& files, const std::string& directory,
                          const attest::Hash& log_id, std::uint64_t seq) {
  for (std::uint64_t number = storage::EntryReader(files, directory).files(); number > 1;) {
    const FileFront front = front_of(files, directory, --number);
    if (front.log_id == log_id && front.seq && *front.seq < seq) return number;
  }
  return 0;
}

void check_reader(const storage::EntryReader& reader) {
  if (!reader.defect()) return;
  throw storage::Damage(reader.defect()->fault, reader.defect()->at,
                        "the journal: " + reader.defect()->detail);
}

}  // namespace stele::daemon
