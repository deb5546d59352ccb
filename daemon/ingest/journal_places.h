// What a log knows of journals that are read from a directory: the positions of each numbering.
//
// Each event has the position "journal=CURSOR", with "!" behind it where it begins a span; a note
// states all of them at once, "journal-numberings=…" (journal_positions.h), and those that came
// after it are added.
// Thread safety: pure. Errors: as Store::visit. Blocks: reads back to the newest such note.
// See: README.md, "Positions".
#pragma once

#include <string>
#include <string_view>

#include "daemon/ingest/journal_positions.h"
#include "storage/store.h"

namespace stele::daemon {

constexpr std::string_view kJournal = "journal";
constexpr std::string_view kJournalNumberings = "journal-numberings";

std::string journal_place(std::string_view cursor, bool begins);
std::string_view cursor_of(std::string_view place);

JournalPositions journal_positions_of(const storage::Store& store);

}  // namespace stele::daemon
