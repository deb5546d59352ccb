#include "attest/evidence/assembler.h"

#include <algorithm>

#include "attest/check.h"
#include "attest/entry.h"
#include "attest/genesis.h"

namespace stele::attest {

EvidenceAssembler::EvidenceAssembler(EvidenceWriter& writer, const HashReader& hashes,
                                     Records records, IndexRanges shown)
    : writer_(writer), hashes_(hashes), records_(std::move(records)), shown_(std::move(shown)) {}

void EvidenceAssembler::heads(const std::vector<CosignedHead>& cosigned) {
  const std::string text = to_text(cosigned);
  writer_.write(HeadsPart{view(text)});
  for (const CosignedHead& head : cosigned) told_.push_back(head.checkpoint.tree.size);
}

void EvidenceAssembler::start(const Hash& log_id, const Hash& digest, std::uint64_t size) {
  const std::vector<NodeId> nodes = range_nodes(size);
  Result<CompactRange> tree = CompactRange::restore(size, hashes_.read_hashes(nodes));
  ENSURE(tree);
  start_ = size;
  writer_.write(StartPart{log_id, digest, std::move(*tree)});
}

void EvidenceAssembler::earlier(std::uint64_t index) {
  records_(index, index + 1, [&](const RecordView& record) {
    writer_.write(EarlierPart{index, prove_inclusion(index, start_, hashes_), record});
  });
}

void EvidenceAssembler::entry(std::uint8_t kind, ByteView payload) {
  if (const auto size = records_before(kind, payload)) up_to(*size);
  writer_.write(EntryPart{kind, payload});
}

void EvidenceAssembler::log(ByteView bytes) { writer_.write(LogPart{bytes}); }

void EvidenceAssembler::up_to(std::uint64_t size) {
  for (const auto& [begin, end] : shown_.intervals()) {
    const std::uint64_t from = std::max(begin, writer_.size());
    const std::uint64_t to = std::min(end, size);
    if (from >= to) continue;
    elide(from);
    records_(from, to, [this](const RecordView& record) { writer_.write(RecordPart{record}); });
  }
  elide(size);
}

void EvidenceAssembler::elide(std::uint64_t end) {
  for (auto at = std::upper_bound(told_.begin(), told_.end(), writer_.size());
       at != told_.end() && *at < end; ++at) {
    elide_run(*at);
  }
  elide_run(end);
}

void EvidenceAssembler::elide_run(std::uint64_t end) {
  if (end <= writer_.size()) return;
  const std::vector<NodeId> nodes = range_nodes(writer_.size(), end);
  writer_.write(ElidedPart{end, hashes_.read_hashes(nodes)});
}

void EvidenceAssembler::end() { writer_.write(EndPart{}); }

std::optional<std::uint64_t> records_before(std::uint8_t kind, ByteView payload) {
  if (kind == static_cast<std::uint8_t>(EntryKind::intent)) {
    const auto statement = decode_statement(payload);
    if (statement) return statement->tree.size;
  } else if (kind == static_cast<std::uint8_t>(EntryKind::genesis)) {
    const auto genesis = decode_genesis(payload);
    if (genesis) return genesis->previous_tree.size;
  }
  return std::nullopt;
}

}  // namespace stele::attest
