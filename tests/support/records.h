// Records for tests: deterministic salts, contents and sizes, kept alive beside the views on them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "attest/record.h"
#include "storage/store.h"

namespace stele::test {

// The salt of the n-th record: H("salt" ‖ n as text).
attest::Hash salt_of(std::uint64_t n);

// A growing list of records; the views that append() takes point into it and stay valid.
class Records {
 public:
  // Adds one; the content defaults to "event N".
  void add(const std::string& content, attest::Kind kind = attest::Kind::event);
  void add_numbered(std::size_t count);
  void cut(std::uint64_t size);  // forgets those from there on
  std::uint64_t size() const { return contents_.size(); }
  const std::string& content(std::uint64_t index) const { return contents_[index]; }
  attest::Kind kind(std::uint64_t index) const { return kinds_[index]; }
  // The records [begin, end), for Store::append.
  std::vector<storage::NewRecord> batch(std::uint64_t begin, std::uint64_t end) const;
  // What each record's leaf must be, from the formulas of the format.
  attest::Leaf leaf(std::uint64_t index) const;

 private:
  std::deque<std::string> contents_;
  std::vector<attest::Kind> kinds_;
};

// The genesis record that the stores of these tests begin with, and the log id beside it.
storage::NewRecord genesis_record();
attest::Hash test_log_id();
constexpr std::string_view kGenesisContent = "genesis of a test";

}  // namespace stele::test
