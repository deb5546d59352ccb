// The look-up (SQLite): finds records by time and source; never consulted for a verdict.
//
// One row per (term, chunk) holding varint deltas of record indices; a chunk is 65,536 records, the
// newest chunk in memory until it is full or flushed. Droppable at any time: rebuilt from the store.
// Thread safety: one thread writes; queries open their own connection. Errors: SQLite failing throws
// std::system_error-like LookUpError; a corrupt file is dropped and rebuilt. Durability: none promised.
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

class LookUp {
 public:
  static std::unique_ptr<LookUp> open(const std::string& path, const attest::Hash& log_id);
  ~LookUp();
  std::uint64_t size() const;  // records fed so far; feed from here
  void feed(const Store& store, std::uint64_t up_to);
  void flush();
  // Indices of matching records below size(), ascending; what is not fed yet is scanned from the store.
  std::vector<std::uint64_t> find(const Store& store, const Query& query) const;

 private:
  struct State;
  explicit LookUp(std::unique_ptr<State>);
  std::unique_ptr<State> state_;
};

}  // namespace stele::storage
