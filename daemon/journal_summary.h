// What the journal says of the log before the store is opened: whose it is (in its newest era), and
// how much was anchored.
//
// Read-only: the journal belongs to the anchorer, which judges and repairs it.
// Errors: NotAStore (no journal with a genesis: unprovisioned, or something else's directory);
// storage::Damage (its first file is damaged or of another version); accidents throw
// std::system_error. Trust: our own files, not judged here.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "attest/genesis.h"
#include "storage/file_system.h"

namespace stele::daemon {

class NotAStore : public std::runtime_error {
  using runtime_error::runtime_error;
};

// Throws NotAStore, with what to do, unless the directory holds one; changes nothing.
void require_store(storage::FileSystem& file_system, const std::string& directory);

struct JournalSummary {
  attest::Genesis genesis;
  attest::Hash log_id;
  std::uint64_t anchored_size = 0;  // the largest tree size with a receipt, or that an era follows
  std::int64_t newest_wall_ns = 0;  // wall clock of the newest statement; 0: none
  bool provisioned = false;         // the genesis receipt is there
};
JournalSummary summarise_journal(storage::FileSystem& file_system, const std::string& directory);

}  // namespace stele::daemon
