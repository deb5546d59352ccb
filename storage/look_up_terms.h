// The terms of a chunk: which records have them, by hash; pure encoding.
//
// No text of an event is kept: a term is SipHash-2-4 of its folded text under a key of the log's
// own. A field's terms are in 1 to 256 rows by the first bits of their hashes, about 256 terms
// each, so that a query reads one row of some kilobytes a chunk, whether a field has three values
// or a million.
//   row      per term, ascending: hash u64 · length u32 · postings (look_up_chunk.h)
// Thread safety: values. Trust: find_term takes bytes that anyone may have edited.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "attest/hash.h"
#include "storage/query.h"

namespace stele::storage {

constexpr std::uint32_t kMaxTermRows = 256;
constexpr std::uint32_t kTermsPerRow = 256;

// Of a field's term in a log.
class TermHash {
 public:
  explicit TermHash(const attest::Hash& log_id);
  std::uint64_t operator()(std::size_t field, std::string_view folded) const;

 private:
  std::uint64_t key_[2];
};

// The row of a hash, of so many rows (a power of two, at least 1).
std::uint32_t term_row(std::uint64_t hash, std::uint32_t rows);

// One field's terms while a chunk is being filled.
class TermBuilder {
 public:
  void add(std::uint64_t hash, std::uint32_t place) { entries_.push_back({hash, place}); }
  bool empty() const { return entries_.empty(); }
  // By walking over all: as fast as reading a row, for the newest chunk only.
  std::vector<std::uint32_t> find(std::uint64_t hash) const;
  // Every row, in order; none for no terms.
  std::vector<attest::Bytes> rows() const;

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint32_t place;
  };
  std::vector<Entry> sorted() const;

  std::vector<Entry> entries_;
};

// The places of a term in its row: none if it is not there; nothing if no builder makes such a row.
std::optional<std::vector<std::uint32_t>> find_term(attest::ByteView row, std::uint64_t hash,
                                                    std::uint32_t count);

}  // namespace stele::storage
