// The look-up (SQLite): finds records by time, source and terms; never consulted for a verdict.
//
// A row per chunk of records (their times' bounds, their sources), a row per (source, chunk) that
// holds the records' places as varint deltas, and rows of terms by hash; each with a checksum. The
// newest chunk is in memory, and answers from there, until it is full. Droppable at any time:
// rebuilt from the store. Invariants: 1. an answer is the store's: every hit is read and compared;
// a row that is missing, does not match its checksum or belongs to another history makes its chunk
// be scanned instead. Thread safety: one thread, as its reader of terms. Errors: SQLite failing
// throws LookUpError; a corrupt or foreign file is dropped and fed anew. Durability: none promised.
// Trust: whoever may write the file can make an answer incomplete only by writing false rows with
// true checksums. See: README.md, "The look-up".
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/query.h"

namespace stele::storage {

struct LookUpOptions {
  std::uint32_t chunk_records = 1u << 16;  // a file made with another number is dropped
};

class LookUp {
 public:
  static std::unique_ptr<LookUp> open(const std::string& path, const attest::Hash& log_id,
                                      TermReader reader = {}, const LookUpOptions& options = {});
  ~LookUp();
  // Removes the file and what SQLite keeps beside it; for a rebuild. Nobody may have it open.
  static void remove(const std::string& path);
  std::uint64_t size() const;  // records fed so far; feed from here
  // Feeds the records [size(), up_to). A store that contradicts what was fed (an older copy came
  // back) makes the look-up begin anew.
  void feed(const Store& store, std::uint64_t up_to);
  // Writes the newest chunk, for whoever opens the file next. A file that turns out to be corrupt
  // is dropped: then size() is 0.
  void flush();
  // Matching records; what is not fed yet is scanned from the store.
  Found find(const Store& store, const Query& query) const;

 private:
  struct State;
  explicit LookUp(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

}  // namespace stele::storage
