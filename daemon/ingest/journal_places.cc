#include "daemon/ingest/journal_places.h"

#include <cstdint>
#include <utility>

#include "daemon/ingest/journal_export.h"
#include "daemon/ingest/position.h"

namespace stele::daemon {
namespace {

constexpr char kBegins = '!';

}  // namespace

std::string journal_place(std::string_view cursor, bool begins) {
  std::string place(cursor);
  if (begins) place += kBegins;
  return place;
}

std::string_view cursor_of(std::string_view place) {
  if (place.ends_with(kBegins)) place.remove_suffix(1);
  return place;
}

JournalPositions journal_positions_of(const storage::Store& store) {
  JournalPositions all;
  std::uint64_t begin = 0;
  if (const auto stated = newest_position(store, kJournalNumberings)) {
    if (auto positions = parse_journal_positions(stated->value)) {
      all = std::move(*positions);  // what was before is in it, or forgotten
      begin = stated->index + 1;
    }
  }
  store.visit(begin, store.head().size, [&](const storage::StoredRecord& record) {
    if (const auto place = position_in(record.tlvs, kJournal)) {
      const auto number = journal_number(*place);
      if (number) all.see(number->numbering, number->number, place->ends_with(kBegins));
    }
    return true;
  });
  return all;
}

}  // namespace stele::daemon
