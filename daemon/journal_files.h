// Where in the journal's files a statement must lie: so that nobody reads years to find yesterday.
//
// For handing entries on, never for a verdict. Thread safety: pure. Blocks: reads the beginnings of
// files. Errors: check_reader: storage::Damage; std::system_error.
#pragma once

#include <string>

#include "storage/store_reader.h"

namespace stele::daemon {

// The newest file whose first statement is of this log and of a lower counter anchor; the first
// file if there is none. What is looked for begins in it or in one behind it.
std::uint64_t file_before(storage::FileSystem& files, const std::string& directory,
                          const attest::Hash& log_id, std::uint64_t seq);
// Ends a reading that came to damage.
void check_reader(const storage::EntryReader& reader);

}  // namespace stele::daemon
