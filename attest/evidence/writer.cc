#include "attest/evidence/writer.h"

#include "attest/check.h"
#include "attest/codec.h"

namespace stele::attest {
namespace {

void append_record(Bytes& out, const RecordView& record) {
  const bool present = record.state == RecordView::State::present;
  ENSURE(record.leaf.size() == kLeafBytes);
  ENSURE(present || record.state == RecordView::State::erased);
  Writer writer(out);
  writer.bytes(record.leaf).u8(present ? 0 : 1);
  if (!present) return;
  const Content& content = record.content;
  ENSURE(content.tlvs.size() <= kMaxTlvBytes && content.bytes.size() <= kMaxContentBytes);
  writer.bytes(content.salt).sized32(content.tlvs).sized32(content.bytes);
}

}  // namespace

EvidenceWriter::EvidenceWriter(Sink sink, std::uint16_t version)
    : sink_(std::move(sink)), with_heads_(version == kEvidenceVersionWithHeads) {
  ENSURE(version == kEvidenceVersion || with_heads_);
  Writer(part_).bytes(view(kEvidenceMagic)).u16(version);
  hasher_.update(tag("stele/v1/evidence"));
  end();
}

void EvidenceWriter::write(const EvidencePart& part) {
  std::visit([this](const auto& which) { encode(which); }, part);
}

void EvidenceWriter::begin(PartKind kind) {
  part_.clear();
  Writer(part_).u8(static_cast<std::uint8_t>(kind)).u32(0);
}

// Fills in the length, which is known only now.
void EvidenceWriter::end() {
  if (part_.size() > kEvidenceHeaderBytes || bytes_ > 0) {
    const auto length = static_cast<std::uint32_t>(part_.size() - kPartHeaderBytes);
    for (std::size_t i = 0; i < 4; ++i)
      part_[1 + i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
  }
  hasher_.update(part_);
  bytes_ += part_.size();
  sink_(part_);
}

void EvidenceWriter::encode(const TrustPart& part) {
  ENSURE(part.text.size() <= kMaxTrustPart);
  begin(PartKind::trust);
  Writer(part_).bytes(part.text);
  end();
}

void EvidenceWriter::encode(const AnswerPart& part) {
  ENSURE(part.bytes.size() <= kMaxAnswerPart);
  begin(PartKind::answer);
  Writer(part_).bytes(part.bytes);
  end();
}

void EvidenceWriter::encode(const HeadsPart& part) {
  ENSURE(with_heads_ && !heads_written_ && size_ == 0);
  ENSURE(!part.text.empty() && part.text.size() <= kMaxHeadsPart);
  begin(PartKind::heads);
  Writer(part_).bytes(part.text);
  heads_written_ = true;
  end();
}

void EvidenceWriter::encode(const StartPart& part) {
  ENSURE(size_ == 0);
  begin(PartKind::start);
  Writer writer(part_);
  writer.bytes(part.log_id).bytes(part.digest).u64(part.tree.size());
  for (const Hash& root : part.tree.roots()) writer.bytes(root);
  size_ = part.tree.size();
  end();
}

void EvidenceWriter::encode(const EarlierPart& part) {
  ENSURE(part.index < size_ && part.path.size() <= kMaxPathHashes);
  begin(PartKind::earlier);
  Writer writer(part_);
  writer.u64(part.index).u8(static_cast<std::uint8_t>(part.path.size()));
  for (const Hash& sibling : part.path) writer.bytes(sibling);
  append_record(part_, part.record);
  end();
}

void EvidenceWriter::encode(const EntryPart& part) {
  ENSURE(part.payload.size() + 1 <= kMaxEntryPart);
  begin(PartKind::entry);
  Writer(part_).u8(part.kind).bytes(part.payload);
  end();
}

void EvidenceWriter::encode(const RecordPart& part) {
  begin(PartKind::record);
  append_record(part_, part.record);
  ++size_;
  end();
}

void EvidenceWriter::encode(const ElidedPart& part) {
  ENSURE(part.end > size_ && part.roots.size() == range_nodes(size_, part.end).size());
  begin(PartKind::elided);
  Writer writer(part_);
  writer.u64(part.end);
  for (const Hash& root : part.roots) writer.bytes(root);
  size_ = part.end;
  end();
}

void EvidenceWriter::encode(const LogPart& part) {
  ENSURE(part.bytes.size() <= kMaxLogPart);
  begin(PartKind::log);
  Writer(part_).bytes(part.bytes);
  end();
}

void EvidenceWriter::encode(const EndPart&) {
  ENSURE(heads_written_ == with_heads_);
  begin(PartKind::end);
  const Hash whole = hasher_.finish();
  Writer(part_).bytes(whole);
  end();
}

}  // namespace stele::attest
