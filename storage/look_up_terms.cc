#include "storage/look_up_terms.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "attest/codec.h"
#include "storage/look_up_chunk.h"

namespace stele::storage {
namespace {

struct Sip {
  std::uint64_t a, b, c, d;
  void round() {
    a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
    c += d, d = std::rotl(d, 16) ^ c;
    a += d, d = std::rotl(d, 21) ^ a;
    c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
  }
  void take(std::uint64_t word) {
    d ^= word;
    round();
    round();
    a ^= word;
  }
};

std::uint64_t little_endian(const char* bytes, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return word;
}

std::uint64_t eight_little_endian(const char* bytes) {
  if constexpr (std::endian::native == std::endian::little) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return word;
  }
  return little_endian(bytes, 8);
}

}  // namespace

TermHash::TermHash(const attest::Hash& log_id) {
  const attest::Hash key = attest::hash({attest::tag("stele/v1/look-up-terms"), log_id});
  const char* const bytes = reinterpret_cast<const char*>(key.bytes.data());
  key_[0] = little_endian(bytes, 8);
  key_[1] = little_endian(bytes + 8, 8);
}

// SipHash-2-4 over the folded text; the field is in the first word.
std::uint64_t TermHash::operator()(std::size_t field, std::string_view text) const {
  Sip sip{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d, key_[0] ^ 0x6c7967656e657261,
          key_[1] ^ 0x7465646279746573};
  const std::size_t length = text.size() + 8;
  sip.take(field);
  for (; text.size() >= 8; text.remove_prefix(8)) sip.take(eight_little_endian(text.data()));
  sip.take(little_endian(text.data(), text.size()) | std::uint64_t{length & 0xff} << 56);
  sip.c ^= 0xff;
  for (int i = 0; i < 4; ++i) sip.round();
  return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

std::uint32_t term_row(std::uint64_t hash, std::uint32_t rows) {
  return rows == 1 ? 0 : static_cast<std::uint32_t>(hash >> (64 - std::countr_zero(rows)));
}

std::vector<std::uint32_t> TermBuilder::find(std::uint64_t hash) const {
  std::vector<std::uint32_t> places;
  for (const Entry& entry : entries_) {
    if (entry.hash == hash) places.push_back(entry.place);
  }
  return places;
}

// By hash, places of the same hash ascending. By the first bits at first: what is then left to sort
// are a few entries that lie together, or places of one term, which are in order already.
std::vector<TermBuilder::Entry> TermBuilder::sorted() const {
  constexpr std::uint32_t kParts = 1u << 12;
  std::vector<std::uint32_t> ends(kParts + 1);  // at first: begins, shifted by one
  for (const Entry& entry : entries_) ++ends[term_row(entry.hash, kParts) + 1];
  for (std::uint32_t part = 0; part < kParts; ++part) ends[part + 1] += ends[part];
  std::vector<Entry> sorted(entries_.size());
  for (const Entry& entry : entries_) sorted[ends[term_row(entry.hash, kParts)]++] = entry;
  const auto before = [](const Entry& x, const Entry& y) {
    return x.hash != y.hash ? x.hash < y.hash : x.place < y.place;
  };
  auto begin = sorted.begin();
  for (std::uint32_t part = 0; part < kParts; ++part) {
    const auto end = sorted.begin() + ends[part];
    if (!std::is_sorted(begin, end, before)) std::sort(begin, end, before);
    begin = end;
  }
  return sorted;
}

std::vector<attest::Bytes> TermBuilder::rows() const {
  if (entries_.empty()) return {};
  const std::vector<Entry> entries = sorted();
  std::size_t terms = 1;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    terms += entries[i].hash != entries[i - 1].hash;
  }
  const std::uint32_t count = static_cast<std::uint32_t>(
      std::bit_ceil(std::clamp<std::size_t>(terms / kTermsPerRow, 1, kMaxTermRows)));
  std::vector<attest::Bytes> rows(std::min(count, kMaxTermRows));
  Places places;
  attest::Bytes encoded;
  for (std::size_t i = 0; i < entries.size();) {
    const std::uint64_t hash = entries[i].hash;
    places.clear();
    for (; i < entries.size() && entries[i].hash == hash; ++i) places.push_back(entries[i].place);
    encoded.clear();
    append_postings(places, encoded);
    attest::Writer(rows[term_row(hash, static_cast<std::uint32_t>(rows.size()))])
        .u64(hash)
        .u32(static_cast<std::uint32_t>(encoded.size()))
        .bytes(encoded);
  }
  return rows;
}

std::optional<std::vector<std::uint32_t>> find_term(attest::ByteView row, std::uint64_t hash,
                                                    std::uint32_t count) {
  std::optional<std::uint64_t> last;
  while (!row.empty()) {
    attest::Reader reader(row);
    const std::uint64_t found = reader.u64();
    const std::uint32_t length = reader.u32();
    if (reader.failed() || length > reader.left() || (last && found <= *last)) return std::nullopt;
    const attest::ByteView postings = row.subspan(12, length);
    if (found == hash) return decode_postings(postings, count);
    last = found;
    row = row.subspan(12 + length);
  }
  return std::vector<std::uint32_t>();
}

}  // namespace stele::storage
