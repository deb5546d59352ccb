#include "storage/look_up_builder.h"

#include <algorithm>

namespace stele::storage {

void ChunkBuilder::add(std::int64_t time_ns, std::uint64_t source, attest::ByteView encoded_leaf) {
  const bool first = summary_.count == 0;
  summary_.least_ns = first ? time_ns : std::min(summary_.least_ns, time_ns);
  summary_.greatest_ns = first ? time_ns : std::max(summary_.greatest_ns, time_ns);
  last_leaf_.assign(encoded_leaf.begin(), encoded_leaf.end());
  places_[source].push_back(summary_.count++);
}

std::array<std::vector<attest::Bytes>, kTermFields> ChunkBuilder::term_rows() const {
  std::array<std::vector<attest::Bytes>, kTermFields> rows;
  for (std::size_t field = 0; field < kTermFields; ++field) rows[field] = terms_[field].rows();
  return rows;
}

ChunkSummary ChunkBuilder::summary(
    const std::array<std::vector<attest::Bytes>, kTermFields>& rows) const {
  ChunkSummary summary = summary_;
  summary.last_leaf = last_leaf();
  for (const auto& [source, places] : places_) summary.sources.push_back(source);
  for (std::size_t field = 0; field < kTermFields; ++field) {
    summary.term_rows[field] = static_cast<std::uint16_t>(rows[field].size());
  }
  return summary;
}

Places ChunkBuilder::places_of(std::uint64_t source) const {
  const auto found = places_.find(source);
  return found == places_.end() ? Places() : found->second;
}

}  // namespace stele::storage
