#include "tests/support/paper_store.h"

#include <algorithm>
#include <stdexcept>

#include "storage/journal_format.h"
#include "storage/store_reader.h"

namespace stele::test {

using attest::Bytes;
using attest::Hash;
using attest::Writer;

namespace {

// Bytes that depend on what they are for only, so that a store is written the same way every time.
storage::Marker marker_of(std::string_view file, const Hash& log_id, std::uint64_t number) {
  Bytes digits;
  Writer(digits).u64(number);
  const Hash whole = attest::hash({attest::view(file), log_id, digits});
  storage::Marker marker{};
  std::copy_n(whole.bytes.begin(), marker.size(), marker.begin());
  return marker;
}

Bytes encode_block(std::span<const PaperRecord> records, std::size_t first) {
  Bytes plain;
  Writer writer(plain);
  for (const PaperRecord& record : records) {
    writer.bytes(record.salt).u32(static_cast<std::uint32_t>(record.tlvs.size()));
    writer.u32(static_cast<std::uint32_t>(record.bytes.size()));
  }
  for (const PaperRecord& record : records) writer.bytes(record.tlvs).bytes(record.bytes);
  storage::BlockHeader header;
  header.first = static_cast<std::uint32_t>(first);
  header.count = static_cast<std::uint32_t>(records.size());
  header.stored = header.plain = static_cast<std::uint32_t>(plain.size());
  Bytes out;
  Writer(out).bytes(storage::encode(header)).bytes(plain);
  return out;
}

}  // namespace

Bytes encode_group(const PaperGroup& group, const storage::SegmentHeader& segment,
                   std::uint64_t group_number, attest::CompactRange& tree, Hash& previous) {
  storage::GroupHeader header;
  header.marker = segment.marker;
  header.first_index = tree.size();
  header.count = static_cast<std::uint32_t>(group.records.size());
  header.leaf_bytes = header.count * static_cast<std::uint32_t>(attest::kLeafBytes);
  header.group_number = group_number;
  Bytes leaves;
  for (const PaperRecord& record : group.records) {
    const auto leaf = attest::encode(record.leaf);
    Writer(leaves).bytes(leaf);
    tree.append(attest::leaf_hash(leaf));
    header.time_ns = record.leaf.time_ns;
  }
  Bytes content;
  for (std::size_t first = 0; first < group.records.size(); first += group.records_per_block) {
    const auto rest = std::span(group.records).subspan(first);
    Writer(content).bytes(
        encode_block(rest.first(std::min(group.records_per_block, rest.size())), first));
    ++header.blocks;
  }
  header.content_bytes = content.size();
  const auto encoded_header = storage::encode(header);
  storage::GroupTrailer trailer;
  trailer.length = header.length();
  trailer.root = tree.head().root;
  previous = trailer.checksum =
      storage::group_checksum(segment, previous, encoded_header, trailer.root);
  Bytes out;
  Writer(out).bytes(encoded_header).bytes(leaves).bytes(content).bytes(storage::encode(trailer));
  return out;
}

void PaperStore::write(const std::string& directory) const {
  files().save(directory);
}

MemoryFiles PaperStore::files() const {
  MemoryFiles made;
  attest::CompactRange range;
  Hash previous;
  for (std::size_t number = 0; number < segments.size(); ++number) {
    storage::SegmentHeader header;
    header.era = era;
    header.log_id = log_id;
    header.number = number;
    header.first_index = range.size();
    header.marker = marker_of("segment", log_id, number);
    header.previous_checksum = previous;
    header.roots = range.roots();
    Bytes out = storage::encode(header);
    std::uint64_t group_number = 0;
    for (const PaperGroup& group : segments[number]) {
      Writer(out).bytes(encode_group(group, header, group_number++, range, previous));
    }
    made.files[MemoryFiles::segment(number)] = std::move(out);
  }
  std::uint64_t entry_number = 0;
  Hash previous_entry;
  for (std::size_t number = 0; number < journal.size(); ++number) {
    storage::JournalHeader header;
    header.number = static_cast<std::uint32_t>(number);
    header.first_entry = entry_number;
    header.marker = marker_of("journal", log_id, number);
    header.log_id = log_id;
    header.previous_checksum = previous_entry;
    Bytes out;
    Writer(out).bytes(storage::encode(header));
    for (const PaperEntry& entry : journal[number]) {
      const auto front = storage::encode(storage::EntryHeader{
          header.marker, entry.kind, static_cast<std::uint32_t>(entry.payload.size())});
      previous_entry =
          storage::entry_checksum(log_id, entry_number++, previous_entry, front, entry.payload);
      Writer(out).bytes(front).bytes(entry.payload).bytes(previous_entry);
    }
    made.files[MemoryFiles::journal(number)] = std::move(out);
  }
  return made;
}

PaperStore PaperStore::read(const std::string& directory) {
  PaperStore store;
  storage::GroupReader groups(storage::posix(), directory);
  while (const storage::GroupReader::Group* const group = groups.next()) {
    while (store.segments.size() <= groups.segment()->number) store.segments.emplace_back();
    store.log_id = groups.segment()->log_id;
    store.era = groups.segment()->era;
    PaperGroup copy;
    copy.records_per_block =
        (group->records.size() + group->header.blocks - 1) / group->header.blocks;
    for (const attest::RecordView& view : group->records) {
      const attest::Content& content = view.content;
      copy.records.push_back({*attest::decode_leaf(view.leaf), content.salt,
                              Bytes(content.tlvs.begin(), content.tlvs.end()),
                              Bytes(content.bytes.begin(), content.bytes.end())});
    }
    store.segments.back().push_back(std::move(copy));
  }
  if (groups.torn() || groups.defect())
    throw std::runtime_error("no good segments in " + directory);
  storage::EntryReader entries(storage::posix(), directory);
  store.journal.emplace_back();
  while (auto entry = entries.next())
    store.journal.back().push_back({entry->kind, std::move(entry->payload)});
  if (entries.torn() || entries.defect())
    throw std::runtime_error("no good journal in " + directory);
  return store;
}

std::vector<PaperRecord*> PaperStore::records() {
  std::vector<PaperRecord*> all;
  for (auto& segment : segments) {
    for (PaperGroup& group : segment) {
      for (PaperRecord& record : group.records) all.push_back(&record);
    }
  }
  return all;
}

std::vector<PaperEntry*> PaperStore::entries() {
  std::vector<PaperEntry*> all;
  for (auto& file : journal) {
    for (PaperEntry& entry : file) all.push_back(&entry);
  }
  return all;
}

attest::TreeHead PaperStore::tree() const {
  attest::CompactRange range;
  for (const auto& segment : segments) {
    for (const PaperGroup& group : segment) {
      for (const PaperRecord& record : group.records)
        range.append(attest::leaf_hash(attest::encode(record.leaf)));
    }
  }
  return range.head();
}

PaperRecord paper_record(std::string_view text, attest::Kind kind, std::int64_t time_ns,
                         std::uint64_t source) {
  PaperRecord record;
  record.salt = attest::hash({attest::view("salt"), attest::view(text)});
  record.bytes = Bytes(attest::view(text).begin(), attest::view(text).end());
  record.leaf = {kind, time_ns, source, record.commitment()};
  return record;
}

}  // namespace stele::test
