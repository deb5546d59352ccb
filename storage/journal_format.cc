#include "storage/journal_format.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "attest/check.h"
#include "attest/codec.h"

namespace stele::storage {

using attest::ByteView;
using attest::Defect;
using attest::Fault;
using attest::Hash;
using attest::Reader;
using attest::Result;
using attest::Writer;

namespace {

constexpr std::string_view kMagic = "STELEJNL";
constexpr std::uint16_t kVersion = 1;

Hash header_checksum(ByteView all_before) {
  return attest::hash({attest::tag("stele/v1/journal"), all_before});
}

template <std::size_t N>
std::array<std::uint8_t, N> fixed_size(const attest::Bytes& bytes) {
  ENSURE(bytes.size() == N);
  std::array<std::uint8_t, N> out{};
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Marker read_journal_marker(Reader& reader) {
  Marker marker{};
  const ByteView bytes = reader.bytes(marker.size());
  std::copy(bytes.begin(), bytes.end(), marker.begin());
  return marker;
}

}  // namespace

std::array<std::uint8_t, kJournalHeaderBytes> encode(const JournalHeader& header) {
  attest::Bytes out;
  out.reserve(kJournalHeaderBytes);
  Writer writer(out);
  writer.bytes(attest::view(kMagic))
      .u16(kVersion)
      .u16(0)
      .u32(header.number)
      .u64(header.first_entry);
  writer.bytes(header.marker).bytes(header.log_id).bytes(header.previous_checksum);
  const Hash checksum = header_checksum(out);
  writer.bytes(checksum);
  return fixed_size<kJournalHeaderBytes>(out);
}

Result<JournalHeader> decode_journal_header(ByteView bytes) {
  if (bytes.size() < kJournalHeaderBytes) return Defect(Fault::truncated);
  if (bytes.size() > kJournalHeaderBytes) return Defect(Fault::trailing_bytes);
  Reader reader(bytes);
  if (!reader.expect(attest::view(kMagic))) return Defect(Fault::bad_magic);
  const std::uint16_t version = reader.u16();
  if (version != kVersion) {
    return Defect(Fault::version_unknown, {}, "journal version " + std::to_string(version));
  }
  if (reader.u16() != 0)
    return Defect(Fault::value_out_of_range, {}, "reserved bytes are not zero");
  JournalHeader header;
  header.number = reader.u32();
  header.first_entry = reader.u64();
  header.marker = read_journal_marker(reader);
  header.log_id = reader.hash();
  header.previous_checksum = reader.hash();
  header.checksum = reader.hash();
  ENSURE(reader.done());
  if (header.checksum !=
      header_checksum(bytes.first(kJournalHeaderBytes - header.checksum.bytes.size()))) {
    return Defect(Fault::journal_damaged, {}, "the header's checksum does not match");
  }
  return header;
}

std::array<std::uint8_t, kEntryHeaderBytes> encode(const EntryHeader& header) {
  attest::Bytes out;
  out.reserve(kEntryHeaderBytes);
  Writer(out).bytes(header.marker).u8(header.kind).u8(0).u16(0).u32(header.length);
  return fixed_size<kEntryHeaderBytes>(out);
}

Result<EntryHeader> decode_entry_header(ByteView bytes) {
  if (bytes.size() < kEntryHeaderBytes) return Defect(Fault::truncated);
  if (bytes.size() > kEntryHeaderBytes) return Defect(Fault::trailing_bytes);
  Reader reader(bytes);
  EntryHeader header;
  header.marker = read_journal_marker(reader);
  header.kind = reader.u8();
  const int reserved = reader.u8() | reader.u16();
  header.length = reader.u32();
  ENSURE(reader.done());
  if (reserved != 0) return Defect(Fault::value_out_of_range, {}, "reserved bytes are not zero");
  if (header.length > kMaxEntryBytes)
    return Defect(Fault::value_out_of_range, {}, "entry too long");
  return header;
}

Hash entry_checksum(const Hash& log_id, std::uint64_t entry_number, const Hash& previous_checksum,
                    ByteView entry_header, ByteView payload) {
  ENSURE(entry_header.size() == kEntryHeaderBytes);
  attest::Bytes number;
  Writer(number).u64(entry_number);
  return attest::hash({attest::tag("stele/v1/entry"), log_id, number, previous_checksum,
                       entry_header.subspan(Marker{}.size()), payload});
}

}  // namespace stele::storage
