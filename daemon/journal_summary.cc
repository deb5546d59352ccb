#include "daemon/journal_summary.h"

#include <algorithm>

#include "attest/entry.h"
#include "attest/receipt.h"
#include "attest/statement.h"
#include "storage/damage.h"
#include "storage/store_reader.h"

namespace stele::daemon {

using attest::EntryKind;

void require_store(storage::FileSystem& file_system, const std::string& directory) {
  if (!file_system.exists(directory)) {
    throw NotAStore(directory + " does not exist: run `stele provision` first");
  }
  if (!storage::looks_like_store(file_system, directory)) {
    const bool empty = file_system.list(directory).empty();
    throw NotAStore(directory + (empty ? " is not provisioned: run `stele provision` first"
                                       : " is no store of Stele: is `data` right? To begin a log "
                                         "there, run `stele provision`"));
  }
}

JournalSummary summarise_journal(storage::FileSystem& file_system, const std::string& directory) {
  storage::EntryReader entries(file_system, directory);
  const auto first = entries.next();
  if (const auto& defect = entries.defect();
      defect && defect->fault != attest::Fault::journal_missing) {
    throw storage::Damage(*defect);
  }
  const auto genesis = first && first->kind == static_cast<std::uint8_t>(EntryKind::genesis)
                           ? attest::decode_genesis(first->payload)
                           : attest::Result<attest::Genesis>(attest::Fault::truncated);
  if (!genesis) {
    throw NotAStore(directory + " has no genesis: run `stele provision` to its end");
  }
  JournalSummary summary{*genesis, attest::log_id(first->payload), 0, 0, false};
  std::uint64_t open_size = 0;  // of the newest intent
  while (const auto entry = entries.next()) {
    if (entry->kind == static_cast<std::uint8_t>(EntryKind::genesis)) {
      const auto later = attest::decode_genesis(entry->payload);
      if (!later) throw NotAStore(directory + " begins an era with a genesis that cannot be read");
      summary.genesis = *later;
      summary.log_id = attest::log_id(entry->payload);
      summary.provisioned = false;
      summary.anchored_size = std::max(summary.anchored_size, later->previous_tree.size);
    } else if (entry->kind == static_cast<std::uint8_t>(EntryKind::intent)) {
      const auto statement = attest::decode_statement(entry->payload);
      if (!statement) continue;
      open_size = statement->tree.size;
      summary.newest_wall_ns = statement->wallclock_ns;
    } else if (entry->kind == static_cast<std::uint8_t>(EntryKind::receipt)) {
      summary.provisioned = true;
      summary.anchored_size = std::max(summary.anchored_size, open_size);
      open_size = 0;
    }
  }
  return summary;
}

}  // namespace stele::daemon
