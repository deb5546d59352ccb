#include "daemon/ingest/journal_places.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "daemon/ingest/journal_export.h"
#include "daemon/ingest/position.h"
#include "daemon/log.h"

namespace stele::daemon {
namespace {

constexpr std::uint64_t kWindow = 4096;  // records read at a time, backwards

}  // namespace

JournalPositions journal_positions_of(const storage::Store& store) {
  JournalPositions all;
  const std::uint64_t size = store.head().size;
  bool complete = false;
  bool told = false;
  for (std::uint64_t end = size; end > 0 && !complete;) {
    const std::uint64_t begin = end - std::min(end, kWindow);
    JournalPositions here;
    store.visit(begin, end, [&](const storage::StoredRecord& record) {
      if (const auto stated = position_in(record.tlvs, kJournalNumberings)) {
        if (auto positions = parse_journal_positions(*stated)) {
          here = std::move(*positions);  // what was before is in it, or forgotten
          complete = true;
        }
      } else if (const auto cursor = position_in(record.tlvs, kJournal)) {
        if (const auto number = journal_number(*cursor)) here.see(number->numbering, number->number);
      }
      return true;
    });
    all.see(here);
    end = begin;
    if (!complete && !told && size - end > 4 * kPositionRenewal) {
      told = true;
      log(Priority::notice, "looking for the positions of the journal in the whole log, since its "
                            "end does not state all of them");
    }
  }
  return all;
}

}  // namespace stele::daemon
