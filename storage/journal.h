// The journal: bundles, intents, receipts, voids and remarks, in order, each durable when append()
// returns.
//
// journal/NNNNNNNNNNNNNNNN (16 hex digits), a new file when the old one has grown past the limit:
//
//   header   magic "STELEJNL" · version u16 = 1 · reserved u16 = 0 · number u32 · first_entry u64
//            marker 8 (random) · log_id 32
//            previous_checksum 32 (of the last entry before; first: 0) · header_checksum 32
//            header_checksum = H("stele/v1/journal\0" ‖ all before)
//   entry    marker 8 · kind u8 · reserved u8 = 0 · reserved u16 = 0 · length u32 · payload
//            checksum 32 = H("stele/v1/entry\0" ‖ log_id ‖ entry number u64 ‖ previous_checksum ‖
//                            the 8 bytes after the marker ‖ payload)
//
// A later era begins with a file of its own log_id, whose first entry is its genesis; entry numbers
// and checksums go on. Only the newest entry may be torn: the next is written after its sync
// returned. A marker found after a damaged entry proves that it was not the newest. Entry payloads:
// attest/entry.h. Thread safety: one thread. Blocks: append() syncs. Errors: accidents throw
// std::system_error; a full disk is survived, anything else breaks the journal for good
// (append_file.h); damage throws Damage (store.h).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "attest/entry.h"
#include "attest/hash.h"
#include "storage/file_system.h"

namespace stele::storage {

struct JournalOptions {
  std::uint64_t file_bytes = 64u << 20;
};

class Journal {
 public:
  // Makes DIR/journal with its first entry, the genesis.
  static void create(FileSystem&, const std::string& directory, const attest::Hash& log_id,
                     attest::ByteView genesis);
  // Recovers: cuts a torn newest entry, syncs; gives every entry, oldest first, to the visitor.
  using Visitor =
      std::function<void(std::uint64_t number, std::uint8_t kind, attest::ByteView payload)>;
  static Journal open(FileSystem&, const std::string& directory, const JournalOptions&,
                      const Visitor&);
  Journal(Journal&&) noexcept;
  ~Journal();

  // Appends one entry and makes it durable; its number.
  std::uint64_t append(attest::EntryKind kind, attest::ByteView payload);
  // Begins a later era: a new file with its log_id and its genesis, whole or not there.
  void begin_era(const attest::Hash& log_id, attest::ByteView genesis);
  bool broken() const;  // only opening anew helps
  std::uint64_t entries() const;
  bool recovered_torn() const;

 private:
  struct State;
  explicit Journal(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

}  // namespace stele::storage
