// The header of a journal file: whose numbers its entries have, and which of them.
//
//   0  "LPKSHHRH"      16  state u8 (2: archived, nothing more will come)   72  numbering, 16 bytes
//   160  newest number u64   168  oldest number u64, 0: no entry yet        all little-endian
//
// Thread safety: pure. Trust: whoever wrote the file, as for its entries.
// See: "Journal File Format" of systemd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attest/hash.h"

namespace stele::daemon {

constexpr std::size_t kJournalHeaderBytes = 176;  // as far as it is read

struct JournalHeader {
  std::string numbering;  // in hex, as in a cursor
  std::uint64_t oldest = 0;
  std::uint64_t newest = 0;
  bool archived = false;
};
std::optional<JournalHeader> parse_journal_header(attest::ByteView bytes);

// journald's own files of one directory share a counter, system's and each user's; any other file
// (of systemd-journal-remote) counts by itself.
bool is_journald_name(std::string_view file);

}  // namespace stele::daemon
