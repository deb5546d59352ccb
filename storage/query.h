// A query: which records are wanted, and whether a record is one of them.
//
// A record is found by its time, its source, its index, the terms that a reader gives for it, and
// by bytes in its content. Terms are compared folded: ASCII letters in lower case, the first
// kMaxTermBytes only. Which terms a record has is the reader's: storage knows their number alone.
// Thread safety: values; a Matcher belongs to one thread, as its reader does.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/store.h"

namespace stele::storage {

constexpr std::size_t kTermFields = 6;
constexpr std::size_t kMaxTermBytes = 256;
using Terms = std::array<std::string_view, kTermFields>;  // empty: none for this field

// Gives a record's terms; the views are good until it is asked again. Two readers of the same
// fingerprint give the same terms for the same record.
struct TermReader {
  std::function<void(const StoredRecord&, Terms&)> read;  // none: no record has any
  attest::Hash fingerprint;
};

struct Query {
  std::optional<std::int64_t> since_ns;  // [since, until)
  std::optional<std::int64_t> until_ns;
  std::optional<std::uint64_t> begin;  // [begin, end) of indices
  std::optional<std::uint64_t> end;
  std::optional<std::uint64_t> source;  // index of a source record
  std::array<std::optional<std::string>, kTermFields> terms;
  std::string grep;  // bytes that the content holds; empty: whatever it holds
  std::uint64_t limit = 1000;
  // At most so many records are looked at one by one: bounds how long an answer may take.
  std::uint64_t scan_limit = ~std::uint64_t{0};

  bool has_terms() const;
};

// Appends the folded text.
void fold(std::string_view text, std::string& out);

class Matcher {
 public:
  // Both must outlive it.
  Matcher(const Query& query, const TermReader& reader);
  bool operator()(const StoredRecord& record) const;  // but for the index
  bool has_terms(const StoredRecord& record) const;   // those that the query names

 private:
  const Query& query_;
  const TermReader& reader_;
  std::array<std::optional<std::string>, kTermFields> terms_;  // folded
  bool any_terms_ = false;
};

struct Found {
  std::vector<std::uint64_t> indices;  // ascending, at most the query's limit
  // Where to go on, if the scan limit and not the end or the limit ended it.
  std::optional<std::uint64_t> stopped_at;
};
// By looking at every record.
Found scan(const Store& store, const Query& query, const TermReader& reader);

// The visited records of an answer in the making.
class Search {
 public:
  Search(const Store& store, const Query& query, const TermReader& reader);
  // [begin, end) of the query, as far as the store has it.
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }
  bool is_over() const { return found.indices.size() >= query.limit || found.stopped_at; }
  void scan(std::uint64_t begin, std::uint64_t end);

  const Store& store;
  const Query& query;
  const Matcher matches;
  Found found;

 private:
  std::uint64_t begin_, end_;
  std::uint64_t may_scan_;
};

}  // namespace stele::storage
