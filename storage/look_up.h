// The look-up (SQLite): finds records by time and source; never consulted for a verdict.
//
// A row per chunk of records (their times' bounds, their sources) and a row per (source, chunk) that
// holds the records' places as varint deltas; each row with a checksum. The newest chunk is in memory
// until it is full or flushed. Droppable at any time: rebuilt from the store.
// Invariants: 1. an answer is the store's: every hit is read and compared; a row that is missing, does
// not match its checksum or belongs to another history makes its chunk be scanned instead.
// Thread safety: feed(), flush() from one thread; find() from any (a connection of its own).
// Errors: SQLite failing throws LookUpError; a corrupt or foreign file is dropped and fed anew.
// Durability: none promised. Trust: whoever may write the file can make an answer incomplete only by
// writing false rows with true checksums. See: README.md, "The look-up".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/store.h"

namespace stele::storage {

struct Query {
  std::optional<std::int64_t> since_ns;   // [since, until)
  std::optional<std::int64_t> until_ns;
  std::optional<std::uint64_t> begin;     // [begin, end) of indices
  std::optional<std::uint64_t> end;
  std::optional<std::uint64_t> source;    // index of a source record
  std::uint64_t limit = 1000;
};

struct LookUpOptions {
  std::uint32_t chunk_records = 1u << 16;  // a file made with another number is dropped
};

class LookUp {
 public:
  static std::unique_ptr<LookUp> open(const std::string& path, const attest::Hash& log_id,
                                      const LookUpOptions& options = {});
  ~LookUp();
  // Removes the file and what SQLite keeps beside it; for a rebuild. Nobody may have it open.
  static void remove(const std::string& path);
  std::uint64_t size() const;  // records fed so far; feed from here
  // Feeds the records [size(), up_to). A store that contradicts what was fed (an older copy came
  // back) makes the look-up begin anew.
  void feed(const Store& store, std::uint64_t up_to);
  // Makes the newest chunk visible to find(); else find() scans its records in the store. A file that
  // turns out to be corrupt is dropped: then size() is 0.
  void flush();
  // Indices of matching records, ascending, at most limit; what is not fed yet is scanned from the store.
  std::vector<std::uint64_t> find(const Store& store, const Query& query) const;

 private:
  struct State;
  explicit LookUp(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

}  // namespace stele::storage
