// What a log knows of journals that are read from a directory: the newest number of each numbering.
//
// Each event has the position "journal=CURSOR"; a note states all of them at once,
// "journal-numberings=ID:NUMBER,…", so that the way back ends there.
// Thread safety: pure. Errors: as Store::visit. Blocks: reads back to the newest such note.
// See: README.md, "Positions".
#pragma once

#include <string_view>

#include "daemon/ingest/journal_positions.h"
#include "storage/store.h"

namespace stele::daemon {

constexpr std::string_view kJournal = "journal";
constexpr std::string_view kJournalNumberings = "journal-numberings";

JournalPositions journal_positions_of(const storage::Store& store);

}  // namespace stele::daemon
