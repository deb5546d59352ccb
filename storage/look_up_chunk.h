// A chunk of the look-up: which records of a run of indices came when and from whom; pure encoding.
//
//   summary   count u32 · last leaf hash 32 · least time i64 · greatest time i64
//             sources: count u32, u64 each, ascending
//             rows of terms of each field, u16 each: 0 (no record has one), or a power of two
//   postings  per source: LEB128 varints, first the first record's place in the chunk, then each
//             distance to the next
//   checksum  first 8 bytes of H("stele/v1/look-up\0" ‖ log_id ‖ chunk u64 ‖ source u64 ‖ bytes);
//             of a summary: source 2^64-2; of a row of terms: 2^63 + field * 2^32 + row
//
// Thread safety: values. Trust: decode_* takes bytes that anyone may have edited; nothing comes
// back for bytes that no chunk encodes to.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "attest/hash.h"
#include "storage/query.h"

namespace stele::storage {

constexpr std::uint64_t kSummarySource = ~std::uint64_t{0} - 1;
constexpr std::uint64_t term_row_source(std::size_t field, std::uint32_t row) {
  return std::uint64_t{1} << 63 | std::uint64_t{field} << 32 | row;
}
using RowChecksum = std::array<std::uint8_t, 8>;
RowChecksum row_checksum(const attest::Hash& log_id, std::uint64_t chunk, std::uint64_t source,
                         attest::ByteView bytes);

struct ChunkSummary {
  std::uint32_t count = 0;
  attest::Hash last_leaf;  // ties the chunk to one history of the log
  std::int64_t least_ns = 0;
  std::int64_t greatest_ns = 0;
  std::vector<std::uint64_t> sources;  // ascending
  std::array<std::uint16_t, kTermFields> term_rows{};
};
attest::Bytes encode(const ChunkSummary& summary);
std::optional<ChunkSummary> decode_chunk_summary(attest::ByteView bytes);

using Places = std::vector<std::uint32_t>;  // of records in a chunk, ascending
attest::Bytes encode_postings(const Places& places);
void append_postings(const Places& places, attest::Bytes& out);
// Places below count, at least one.
std::optional<Places> decode_postings(attest::ByteView bytes, std::uint32_t count);

}  // namespace stele::storage
