// The bytes of a journal file: header, then entries; pure encoding, no I/O.
//
// The layout is in journal.h. A damaged entry is torn only if it is the newest: no marker comes after it.
// Thread safety: pure. Errors: decode_*: truncated, trailing_bytes, bad_magic, version_unknown,
// value_out_of_range, journal_damaged (a header's checksum). Trust: from the host under judgement.
#pragma once

#include <array>
#include <cstdint>

#include "attest/hash.h"
#include "attest/result.h"
#include "storage/segment_format.h"

namespace stele::storage {

constexpr std::size_t kJournalHeaderBytes = 128;
constexpr std::size_t kEntryHeaderBytes = 16;
constexpr std::size_t kEntryChecksumBytes = 32;
constexpr std::uint32_t kMaxEntryBytes = 1u << 20;  // of a payload
constexpr std::uint64_t kMaxEntryUnitBytes =
    kEntryHeaderBytes + kMaxEntryBytes + kEntryChecksumBytes;

struct JournalHeader {
  std::uint32_t number = 0;
  std::uint64_t first_entry = 0;
  Marker marker{};
  attest::Hash log_id;
  attest::Hash previous_checksum;
  attest::Hash checksum;
};
// Fills the checksum in.
std::array<std::uint8_t, kJournalHeaderBytes> encode(const JournalHeader& header);
attest::Result<JournalHeader> decode_journal_header(attest::ByteView bytes);

struct EntryHeader {
  Marker marker{};
  std::uint8_t kind = 0;
  std::uint32_t length = 0;  // of the payload
};
std::array<std::uint8_t, kEntryHeaderBytes> encode(const EntryHeader& header);
attest::Result<EntryHeader> decode_entry_header(attest::ByteView bytes);

// The checksum that ends an entry. entry_header: the 16 encoded bytes, marker included (not hashed).
attest::Hash entry_checksum(const attest::Hash& log_id, std::uint64_t entry_number,
                            const attest::Hash& previous_checksum, attest::ByteView entry_header,
                            attest::ByteView payload);

}  // namespace stele::storage
