// A chunk of the look-up while it is being filled: in memory, and answering as its rows will.
//
// Thread safety: a value. Memory: 16 bytes a record and term, so at most 7 MiB for 65,536 records.
#pragma once

#include <map>

#include "storage/look_up_chunk.h"
#include "storage/look_up_terms.h"

namespace stele::storage {

class ChunkBuilder {
 public:
  void add(std::int64_t time_ns, std::uint64_t source, attest::ByteView encoded_leaf);
  // Of the record added last.
  void add_term(std::size_t field, std::uint64_t hash) {
    terms_[field].add(hash, summary_.count - 1);
  }
  std::uint32_t count() const { return summary_.count; }
  ChunkSummary summary(const std::array<std::vector<attest::Bytes>, kTermFields>& rows) const;
  std::array<std::vector<attest::Bytes>, kTermFields> term_rows() const;
  const std::map<std::uint64_t, Places>& places() const { return places_; }

  attest::Hash last_leaf() const { return attest::leaf_hash(last_leaf_); }
  std::int64_t least_ns() const { return summary_.least_ns; }
  std::int64_t greatest_ns() const { return summary_.greatest_ns; }
  Places places_of(std::uint64_t source) const;
  Places places_of(std::size_t field, std::uint64_t hash) const { return terms_[field].find(hash); }

 private:
  ChunkSummary summary_;                    // without the last leaf's hash
  attest::Bytes last_leaf_;                 // encoded: of all leaves only this one is ever hashed
  std::map<std::uint64_t, Places> places_;  // by source
  std::array<TermBuilder, kTermFields> terms_;
};

}  // namespace stele::storage
