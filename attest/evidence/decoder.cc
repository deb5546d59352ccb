#include "attest/evidence/decoder.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "attest/codec.h"
#include "attest/entry.h"

namespace stele::attest {
namespace {

constexpr std::uint64_t kMaxSize = std::numeric_limits<std::uint64_t>::max();

std::size_t limit_of(PartKind kind) {
  switch (kind) {
    case PartKind::trust:
      return kMaxTrustPart;
    case PartKind::answer:
      return kMaxAnswerPart;
    case PartKind::start:
      return 32 + 32 + 8 + 64 * 32;
    case PartKind::earlier:
      return 8 + 1 + kMaxPathHashes * 32 + kMaxRecordPart;
    case PartKind::entry:
      return kMaxEntryPart;
    case PartKind::record:
      return kMaxRecordPart;
    case PartKind::elided:
      return 8 + kMaxElidedRoots * 32;
    case PartKind::log:
      return kMaxLogPart;
    case PartKind::end:
      return 32;
    case PartKind::heads:
      return kMaxHeadsPart;
  }
  return 0;
}

// Where a kind stands: as its number says, but for heads, which came later.
unsigned rank(PartKind kind) {
  if (kind == PartKind::heads) return 2 * static_cast<unsigned>(PartKind::answer) + 1;
  return 2 * static_cast<unsigned>(kind);
}

bool is_body(PartKind kind) { return kind >= PartKind::entry && kind <= PartKind::log; }

bool needs_records(std::uint8_t entry_kind) {
  const auto kind = static_cast<EntryKind>(entry_kind);
  return kind == EntryKind::intent || kind == EntryKind::genesis;
}

// Hashes up to the end of the part.
std::vector<Hash> read_hashes(Reader& reader) {
  std::vector<Hash> hashes;
  while (reader.left() >= 32) hashes.push_back(reader.hash());
  return hashes;
}

// A record, which is all that is left. What it holds is check_record()'s to judge.
Result<RecordView> read_record(Reader& reader) {
  RecordView record;
  record.leaf = reader.bytes(kLeafBytes);
  const std::uint8_t state = reader.u8();
  if (state > 1) return Defect(Fault::value_out_of_range, {}, "a record's state");
  record.state = state == 0 ? RecordView::State::present : RecordView::State::erased;
  if (state == 0) {
    record.content.salt = reader.hash();
    record.content.tlvs = reader.sized32();
    record.content.bytes = reader.sized32();
    if (record.content.tlvs.size() > kMaxTlvBytes ||
        record.content.bytes.size() > kMaxContentBytes)
      return Defect(Fault::value_out_of_range, {}, "a record's content is too long");
  }
  if (reader.failed()) return Defect(Fault::truncated, {}, "a record");
  if (!reader.done()) return Defect(Fault::trailing_bytes, {}, "a record");
  return record;
}

}  // namespace

EvidenceDecoder::EvidenceDecoder() { hasher_.update(tag("stele/v1/evidence")); }

Defect EvidenceDecoder::refuse(Fault fault, std::string why) const {
  return {fault, Place::byte(before_ + used_), "evidence bundle: " + std::move(why)};
}

void EvidenceDecoder::feed(ByteView bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
  before_ += used_;
  used_ = 0;
  if (!defect_) buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

bool EvidenceDecoder::take_front() {
  if (version_ != 0) return true;
  const ByteView front = buffer_;
  const ByteView magic = view(kEvidenceMagic);
  for (std::size_t i = 0; i < std::min(front.size(), magic.size()); ++i) {
    if (front[i] == magic[i]) continue;
    defect_ = refuse(Fault::bad_magic, "magic");
    return false;
  }
  if (front.size() < kEvidenceHeaderBytes) return false;
  Reader reader(front.subspan(magic.size()));
  const std::uint16_t version = reader.u16();
  if (version != kEvidenceVersion && version != kEvidenceVersionWithHeads) {
    defect_ = refuse(Fault::version_unknown, "version " + std::to_string(version));
    return false;
  }
  hasher_.update(front.first(kEvidenceHeaderBytes));
  used_ = kEvidenceHeaderBytes;
  version_ = version;
  return true;
}

std::optional<EvidenceDecoder::Header> EvidenceDecoder::peek_header() {
  const ByteView rest = ByteView(buffer_).subspan(used_);
  if (rest.empty()) return std::nullopt;
  if (ended_) {
    defect_ = refuse(Fault::trailing_bytes, "bytes after the end");
    return std::nullopt;
  }
  const auto kind = static_cast<PartKind>(rest[0]);
  if (const auto order = verify_order(kind); !order) {
    defect_ = order.error();
    return std::nullopt;
  }
  if (rest.size() < kPartHeaderBytes) return std::nullopt;
  Reader reader(rest.subspan(1));
  const std::uint32_t length = reader.u32();
  if (length > limit_of(kind)) {
    defect_ = refuse(Fault::value_out_of_range,
                     "a part of kind " + std::to_string(rest[0]) + " with " +
                         std::to_string(length) + " bytes");
    return std::nullopt;
  }
  return Header{kind, length};
}

Result<void> EvidenceDecoder::verify_order(PartKind kind) const {
  if (kind < PartKind::trust || kind > (has_heads() ? PartKind::heads : PartKind::end)) {
    return refuse(Fault::value_out_of_range,
                  "a part of kind " + std::to_string(static_cast<unsigned>(kind)));
  }
  bool fits = true;
  if (newest_) {
    const bool goes_on = (is_body(kind) && is_body(*newest_)) ||
                         (kind == PartKind::earlier && *newest_ == PartKind::earlier);
    fits = rank(kind) > rank(*newest_) || goes_on;
    if (kind == PartKind::elided && *newest_ == PartKind::elided) fits = has_heads();
  }
  // Version 2 is for them: without, it would be another form of the same bundle.
  if (has_heads() && rank(kind) > rank(PartKind::heads) && !heads_taken_) fits = false;
  // Before a start there is nothing.
  if (kind == PartKind::earlier && newest_ != PartKind::start && newest_ != PartKind::earlier)
    fits = false;
  if (!fits) {
    return refuse(Fault::value_out_of_range,
                  "a part of kind " + std::to_string(static_cast<unsigned>(kind)) +
                      " in a place where none may be");
  }
  return ok();
}

std::optional<EvidencePart> EvidenceDecoder::next() {
  if (defect_ || !take_front()) return std::nullopt;
  const auto header = peek_header();
  if (!header) return std::nullopt;
  const ByteView rest = ByteView(buffer_).subspan(used_);
  const std::size_t length = kPartHeaderBytes + header->length;
  if (rest.size() < length) return std::nullopt;
  Result<EvidencePart> part = decode(header->kind, rest.subspan(kPartHeaderBytes, header->length));
  if (!part) {
    defect_ = refuse(part.error().fault, part.error().detail);
    return std::nullopt;
  }
  hasher_.update(rest.first(length));
  used_ += length;
  newest_ = header->kind;
  heads_taken_ |= header->kind == PartKind::heads;
  return std::move(*part);
}

Result<void> EvidenceDecoder::finish() const {
  if (defect_) return *defect_;
  if (!ended_) return refuse(Fault::truncated, "it ends before its end part");
  return ok();
}

Result<EvidencePart> EvidenceDecoder::decode(PartKind kind, ByteView payload) {
  switch (kind) {
    case PartKind::trust:
      return EvidencePart(TrustPart{payload});
    case PartKind::answer:
      return EvidencePart(AnswerPart{payload});
    case PartKind::start:
      return decode_start(payload);
    case PartKind::earlier:
      return decode_earlier(payload);
    case PartKind::entry:
      if (payload.empty()) return Defect(Fault::truncated, {}, "an entry");
      // Records stand where they are needed, so that a log has one bundle and not many.
      if ((newest_ == PartKind::record || newest_ == PartKind::elided) && !needs_records(payload[0]))
        return Defect(Fault::value_out_of_range, {}, "records before an entry that needs none");
      return EvidencePart(EntryPart{payload[0], payload.subspan(1)});
    case PartKind::record:
      return decode_record(payload);
    case PartKind::elided:
      return decode_elided(payload);
    case PartKind::log:
      return EvidencePart(LogPart{payload});
    case PartKind::end:
      return decode_end(payload);
    case PartKind::heads:
      if (payload.empty()) return Defect(Fault::truncated, {}, "cosigned heads");
      return EvidencePart(HeadsPart{payload});
  }
  return Defect(Fault::value_out_of_range, {}, "a part");
}

Result<EvidencePart> EvidenceDecoder::decode_start(ByteView payload) {
  Reader reader(payload);
  StartPart start;
  start.log_id = reader.hash();
  start.digest = reader.hash();
  const std::uint64_t size = reader.u64();
  std::vector<Hash> roots = read_hashes(reader);
  if (!reader.done()) return Defect(Fault::truncated, {}, "the start");
  auto tree = CompactRange::restore(size, std::move(roots));
  if (!tree) return tree.error();
  start.tree = std::move(*tree);
  size_ = size;
  return EvidencePart(std::move(start));
}

Result<EvidencePart> EvidenceDecoder::decode_earlier(ByteView payload) {
  Reader reader(payload);
  EarlierPart part;
  part.index = reader.u64();
  const std::uint8_t path = reader.u8();
  if (path > kMaxPathHashes) return Defect(Fault::value_out_of_range, {}, "a path's length");
  for (std::uint8_t i = 0; i < path; ++i) part.path.push_back(reader.hash());
  const auto record = read_record(reader);
  if (!record) return record.error();
  part.record = *record;
  if (part.index >= size_ || (earlier_ && part.index <= *earlier_))
    return Defect(Fault::value_out_of_range, {}, "an earlier record's index");
  earlier_ = part.index;
  return EvidencePart(std::move(part));
}

Result<EvidencePart> EvidenceDecoder::decode_record(ByteView payload) {
  Reader reader(payload);
  const auto record = read_record(reader);
  if (!record) return record.error();
  if (size_ == kMaxSize) return Defect(Fault::value_out_of_range, {}, "too many records");
  ++size_;
  return EvidencePart(RecordPart{*record});
}

Result<EvidencePart> EvidenceDecoder::decode_elided(ByteView payload) {
  Reader reader(payload);
  ElidedPart part;
  part.end = reader.u64();
  part.roots = read_hashes(reader);
  if (!reader.done()) return Defect(Fault::truncated, {}, "elided records");
  if (part.end <= size_ || range_nodes(size_, part.end).size() != part.roots.size())
    return Defect(Fault::value_out_of_range, {}, "other roots than the elided records have");
  size_ = part.end;
  return EvidencePart(std::move(part));
}

Result<EvidencePart> EvidenceDecoder::decode_end(ByteView payload) {
  Reader reader(payload);
  const Hash stated = reader.hash();
  if (!reader.done()) return Defect(Fault::truncated, {}, "the end");
  if (stated != hasher_.finish())
    return Defect(Fault::value_out_of_range, {}, "its end is of other bytes: a damaged copy");
  ended_ = true;
  return EvidencePart(EndPart{});
}

}  // namespace stele::attest
