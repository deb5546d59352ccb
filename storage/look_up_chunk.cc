#include "storage/look_up_chunk.h"

#include <algorithm>
#include <functional>

#include "attest/codec.h"
#include "storage/look_up_terms.h"

namespace stele::storage {

using attest::Bytes;
using attest::ByteView;
using attest::Reader;
using attest::Writer;

RowChecksum row_checksum(const attest::Hash& log_id, std::uint64_t chunk, std::uint64_t source,
                         ByteView bytes) {
  Bytes key;
  Writer(key).u64(chunk).u64(source);
  const attest::Hash whole = attest::hash({attest::tag("stele/v1/look-up"), log_id, key, bytes});
  RowChecksum checksum{};
  std::copy_n(whole.bytes.begin(), checksum.size(), checksum.begin());
  return checksum;
}

Bytes encode(const ChunkSummary& summary) {
  Bytes out;
  Writer writer(out);
  writer.u32(summary.count).bytes(summary.last_leaf).i64(summary.least_ns).i64(summary.greatest_ns);
  writer.u32(static_cast<std::uint32_t>(summary.sources.size()));
  for (const std::uint64_t source : summary.sources) writer.u64(source);
  for (const std::uint16_t rows : summary.term_rows) writer.u16(rows);
  return out;
}

std::optional<ChunkSummary> decode_chunk_summary(ByteView bytes) {
  Reader reader(bytes);
  ChunkSummary summary;
  summary.count = reader.u32();
  summary.last_leaf = reader.hash();
  summary.least_ns = reader.i64();
  summary.greatest_ns = reader.i64();
  const std::uint32_t sources = reader.u32();
  if (reader.failed() || reader.left() != sources * std::uint64_t{8} + 2 * kTermFields)
    return std::nullopt;
  if (summary.count == 0 || sources == 0 || sources > summary.count) return std::nullopt;
  for (std::uint32_t i = 0; i < sources; ++i) summary.sources.push_back(reader.u64());
  for (std::uint16_t& rows : summary.term_rows) {
    rows = reader.u16();
    if (rows > kMaxTermRows || (rows & (rows - 1)) != 0) return std::nullopt;
  }
  const bool ascending = std::adjacent_find(summary.sources.begin(), summary.sources.end(),
                                            std::greater_equal<>()) == summary.sources.end();
  if (!ascending || summary.least_ns > summary.greatest_ns) return std::nullopt;
  return summary;
}

void append_postings(const Places& places, Bytes& out) {
  std::uint32_t before = 0;
  for (const std::uint32_t place : places) {
    std::uint32_t delta = place - before;
    before = place;
    for (; delta >= 0x80; delta >>= 7) out.push_back(static_cast<std::uint8_t>(delta | 0x80));
    out.push_back(static_cast<std::uint8_t>(delta));
  }
}

Bytes encode_postings(const Places& places) {
  Bytes out;
  append_postings(places, out);
  return out;
}

std::optional<Places> decode_postings(ByteView bytes, std::uint32_t count) {
  Places places;
  std::uint64_t delta = 0;
  int shift = 0;
  for (const std::uint8_t byte : bytes) {
    if (shift > 28) return std::nullopt;
    delta |= std::uint64_t{byte & 0x7fu} << shift;
    shift += 7;
    if ((byte & 0x80) != 0) continue;
    if (!places.empty() && delta == 0) return std::nullopt;
    const std::uint64_t place = (places.empty() ? 0 : places.back()) + delta;
    if (place >= count) return std::nullopt;
    places.push_back(static_cast<std::uint32_t>(place));
    delta = 0;
    shift = 0;
  }
  if (places.empty() || shift != 0) return std::nullopt;
  return places;
}

}  // namespace stele::storage
