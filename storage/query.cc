#include "storage/query.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace stele::storage {

bool Query::has_terms() const {
  return std::any_of(terms.begin(), terms.end(), [](const auto& term) { return term.has_value(); });
}

namespace {

// Each byte by itself: its top bit, and a carry into it from the other seven, say what it is.
std::uint64_t fold_eight(std::uint64_t bytes) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  constexpr std::uint64_t kTop = 0x80 * kEach;
  const std::uint64_t low = bytes & ~kTop;
  const std::uint64_t from_a = low + (0x80 - 'A') * kEach;
  const std::uint64_t beyond_z = low + (0x80 - 'Z' - 1) * kEach;
  const std::uint64_t capital = from_a & ~beyond_z & ~bytes & kTop;
  return bytes | capital >> 2;  // 'a' - 'A' is 0x20
}

}  // namespace

void fold(std::string_view text, std::string& out) {
  std::size_t at = out.size();
  out.append(text.substr(0, kMaxTermBytes));
  for (; out.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, out.data() + at, sizeof eight);
    eight = fold_eight(eight);
    std::memcpy(out.data() + at, &eight, sizeof eight);
  }
  for (; at < out.size(); ++at) {
    const char c = out[at];
    out[at] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
}

Matcher::Matcher(const Query& query, const TermReader& reader) : query_(query), reader_(reader) {
  for (std::size_t i = 0; i < kTermFields; ++i) {
    if (!query.terms[i]) continue;
    fold(*query.terms[i], terms_[i].emplace());
    any_terms_ = true;
  }
}

bool Matcher::has_terms(const StoredRecord& record) const {
  if (!any_terms_) return true;
  Terms found;
  if (reader_.read) reader_.read(record, found);
  std::string folded;
  for (std::size_t i = 0; i < kTermFields; ++i) {
    if (!terms_[i]) continue;
    folded.clear();
    fold(found[i], folded);
    // What is not said is not the empty text.
    if (folded.empty() || folded != *terms_[i]) return false;
  }
  return true;
}

bool Matcher::operator()(const StoredRecord& record) const {
  const attest::Leaf& leaf = record.leaf;
  if (query_.since_ns && leaf.time_ns < *query_.since_ns) return false;
  if (query_.until_ns && leaf.time_ns >= *query_.until_ns) return false;
  if (query_.source && leaf.source != *query_.source) return false;
  if (!query_.grep.empty() && memmem(record.bytes.data(), record.bytes.size(), query_.grep.data(),
                                     query_.grep.size()) == nullptr) {
    return false;
  }
  return has_terms(record);
}

Search::Search(const Store& store_, const Query& query_, const TermReader& reader)
    : store(store_),
      query(query_),
      matches(query_, reader),
      end_(std::min(query_.end.value_or(~std::uint64_t{0}), store_.head().size)),
      may_scan_(query_.scan_limit) {
  begin_ = std::min(query.begin.value_or(0), end_);
}

void Search::scan(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end || is_over()) return;
  store.visit(begin, end, [this](const StoredRecord& record) {
    if (may_scan_ == 0) {
      found.stopped_at = record.index;
      return false;
    }
    --may_scan_;
    if (matches(record)) found.indices.push_back(record.index);
    return !is_over();
  });
}

Found scan(const Store& store, const Query& query, const TermReader& reader) {
  Search search(store, query, reader);
  search.scan(search.begin(), search.end());
  return std::move(search.found);
}

}  // namespace stele::storage
