// check_records: all that can be said of one record without the others.
#include <algorithm>
#include <charconv>

#include "attest/appraiser.h"
#include "attest/check.h"
#include "attest/gap.h"
#include "attest/genesis.h"
#include "attest/hash_many.h"

namespace stele::attest {
namespace {

constexpr std::string_view kClockStep = "{\"note\":\"clock_step\"";
constexpr std::string_view kDiskFull = "{\"note\":\"disk_full\",\"since_ns\":";
constexpr std::string_view kSlowCommit = "{\"note\":\"slow_commit\",\"since_ns\":";

bool begins_with(ByteView bytes, std::string_view prefix) {
  const ByteView wanted = view(prefix);
  return bytes.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), bytes.begin());
}

std::optional<std::int64_t> number_after(ByteView bytes, std::string_view prefix) {
  if (!begins_with(bytes, prefix)) return std::nullopt;
  const ByteView rest = bytes.subspan(prefix.size());
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{}) return std::nullopt;
  return number;
}

std::optional<Defect> check_content(const Leaf& leaf, const RecordView& record,
                                    const Hash& commitment, Place at) {
  switch (record.state) {
    case RecordView::State::missing:
      return Defect(Fault::content_missing, at, "its content is not there");
    case RecordView::State::erased:
      // Whoever erases seals an erasure record; this verifier does not know of any that would allow
      // it.
      return Defect(Fault::content_missing, at, "its content was erased without authority");
    case RecordView::State::codec_unknown:
      return Defect(Fault::codec_unknown, at,
                    "its content is stored in a way this verifier cannot read");
    case RecordView::State::present:
      break;
  }
  if (const auto tlvs = verify_tlvs(record.content.tlvs); !tlvs) {
    return Defect(tlvs.error().fault, at, "TLVs of its content: " + tlvs.error().detail);
  }
  if (record.content.bytes.size() > kMaxContentBytes) {
    return Defect(Fault::value_out_of_range, at, "its content is larger than the format allows");
  }
  if (commitment != leaf.commitment) {
    return Defect(Fault::commitment_mismatch, at, "its content is not what its leaf commits to");
  }
  return std::nullopt;
}

// commitment: of the content that is there; leaf_hash: of the leaf, whatever its bytes.
CheckedRecord check_hashed(std::uint64_t index, const RecordView& record, const Hash& commitment,
                           const Hash& leaf_hash) {
  const Place at = Place::index(index);
  CheckedRecord checked;
  checked.leaf_hash = leaf_hash;
  const Result<Leaf> leaf = decode_leaf(record.leaf);
  if (!leaf) {
    checked.defect = Defect(leaf.error().fault, at, leaf.error().detail);
    return checked;
  }
  checked.leaf = *leaf;
  checked.defect = check_content(*leaf, record, commitment, at);
  if (checked.defect) return checked;
  const ByteView bytes = record.content.bytes;
  const auto kind = static_cast<std::uint8_t>(leaf->kind);
  if (kind >= kFirstUnknownCriticalKind) {
    checked.defect = Defect(Fault::kind_unknown, at, "record kind " + std::to_string(kind));
  } else if (leaf->kind == Kind::gap) {
    const Result<Gap> gap = decode_gap(bytes);
    if (gap) {
      checked.lost = gap->lost;
    } else {
      checked.defect = Defect(gap.error().fault, at, "a gap record that states no count");
    }
  } else if (leaf->kind == Kind::genesis || leaf->kind == Kind::era) {
    checked.log_id = log_id(bytes);
  } else if (leaf->kind == Kind::note) {
    checked.clock_step = begins_with(bytes, kClockStep);
    checked.disk_full_since_ns = number_after(bytes, kDiskFull);
    checked.slow_commit_since_ns = number_after(bytes, kSlowCommit);
  }
  return checked;
}

}  // namespace

CheckedRecord check_record(std::uint64_t index, const RecordView& record) {
  CheckedRecord checked;
  check_records(index, std::span(&record, 1), std::span(&checked, 1));
  return checked;
}

void check_records(std::uint64_t first, std::span<const RecordView> records,
                   std::span<CheckedRecord> out) {
  ENSURE(records.size() == out.size());
  std::vector<Content> contents;
  contents.reserve(records.size());
  for (const RecordView& record : records) contents.push_back(record.content);
  std::vector<Hash> commitments(records.size());
  commit_many(contents, commitments);
  std::vector<Hash> leaf_hashes(records.size());
  static constexpr std::uint8_t kPrefix[] = {0x00};
  for (std::size_t i = 0; i < records.size(); ++i) {
    hash_many().add({ByteView(kPrefix), records[i].leaf}, leaf_hashes[i]);  // as leaf_hash()
  }
  hash_many().finish();
  for (std::size_t i = 0; i < records.size(); ++i) {
    out[i] = check_hashed(first + i, records[i], commitments[i], leaf_hashes[i]);
  }
}

}  // namespace stele::attest
