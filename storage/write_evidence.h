// Writes an evidence bundle (attest/evidence/format.h) of a store, read as it is, with what witnesses
// signed (DIR/cosignatures) of the heads that it leads to.
//
// Thread safety: beside a writer and other readers of the store. Blocks: reads the journal, and every
// record shown (twice, for the sources that they name). Memory: a record, an entry, the places of the
// sources. Errors: Damage when the store does not hold what its journal needs; std::system_error;
// what the sink throws.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "attest/evidence/index_ranges.h"
#include "attest/memory.h"
#include "storage/store.h"

namespace stele::storage {

struct EvidenceRequest {
  // Every record, those that no anchor covers too. Else `shown`, and the records up to the newest
  // statement elided.
  bool all_records = false;
  attest::IndexRanges shown;
  // Begin behind this statement instead of at genesis.
  struct Since {
    attest::Hash log_id, digest;
  };
  std::optional<Since> since;
  std::string trust;      // text; empty: none
  attest::Bytes answer;   // empty: none. Made before: its statement must be in the journal
  bool boot_logs = false;
};

struct EvidenceWritten {
  enum class Outcome : std::uint8_t {
    written,
    start_missing,  // no such statement has a receipt here; nothing was given to the sink
    not_anchored,   // the newest anchor does not cover all that is to be shown; the same
  } outcome = Outcome::written;
  std::uint64_t anchored = 0;  // records that the newest statement with a receipt covers
  std::uint64_t shown = 0;     // records shown, sources among them
  std::size_t heads = 0;       // cosigned ones, given along
  std::size_t logs_too_long = 0;  // boot logs asked for and kept, but above attest::kMaxLogPart
  std::optional<attest::Defect> unreadable_heads;  // the file of them is there, and cannot be read
};

// progress (may be empty): records shown or elided so far, and how many there will be.
EvidenceWritten write_evidence(
    FileSystem& files, const std::string& directory, const Store& store,
    const EvidenceRequest& request, const std::function<void(attest::ByteView)>& sink,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& progress = {});

}  // namespace stele::storage
