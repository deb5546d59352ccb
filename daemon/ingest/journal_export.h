// Entries of the systemd journal as bytes: the journal export format, and what a cursor tells.
//
//   NAME=VALUE LF                                   where VALUE is text
//   NAME LF, length u64 little-endian, VALUE, LF    where it is not: any bytes, exactly
//
// Thread safety: pure. See: "Journal Export Formats" of systemd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stele::daemon {

// field: "NAME=VALUE", as sd_journal_enumerate_data(3) gives it.
void append_field(std::string& entry, std::string_view field);

// The number that journald gave the entry, the id of that numbering, and when it was:
// "s=ID;i=NUMBER;b=BOOT;m=TIME;t=TIME;…" in hex.
struct JournalNumber {
  std::string_view numbering;  // into the cursor, as boot
  std::string_view boot;
  std::uint64_t number = 0;
  std::uint64_t monotonic_us = 0;
  std::uint64_t realtime_us = 0;
};
std::optional<JournalNumber> journal_number(std::string_view cursor);

}  // namespace stele::daemon
