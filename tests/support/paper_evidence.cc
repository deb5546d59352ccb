#include "tests/support/paper_evidence.h"

#include "attest/evidence/assembler.h"
#include "tests/support/note_signer.h"

namespace stele::test {
namespace {

using attest::Bytes;
using attest::EntryKind;
using attest::Hash;

// The nodes above a log's leaves.
class PaperHashes : public attest::HashReader {
 public:
  explicit PaperHashes(const PaperLog& log) : log_(log) {}
  std::vector<Hash> read_hashes(std::span<const attest::NodeId> nodes) const override {
    std::vector<Hash> hashes;
    for (const attest::NodeId& node : nodes) {
      attest::CompactRange range;
      const std::uint64_t first = node.index << node.level;
      for (std::uint64_t i = 0; i < std::uint64_t{1} << node.level; ++i)
        range.append(attest::leaf_hash(log_.records.at(first + i).leaf));
      hashes.push_back(range.head().root);
    }
    return hashes;
  }

 private:
  const PaperLog& log_;
};

// The number of the entry behind the receipt of the statement with this d.
std::size_t behind(const PaperLog& log, const Hash& digest) {
  std::optional<Hash> open;
  for (std::size_t i = 0; i < log.entries.size(); ++i) {
    const PaperLog::Entry& entry = log.entries[i];
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::intent))
      open = attest::statement_digest(entry.payload);
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::receipt) && open == digest) return i + 1;
  }
  throw std::logic_error("no such statement in the log");
}

NoteSigner& auditor() {
  static NoteSigner signer("auditor.example/stele", 7);
  return signer;
}

}  // namespace

Bytes bundle_of(const PaperLog& log, const EvidenceWish& wish, const Forging& forging) {
  Bytes out;
  attest::EvidenceWriter writer(
      [&out](attest::ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); },
      wish.heads.empty() ? attest::kEvidenceVersion : attest::kEvidenceVersionWithHeads);
  const PaperHashes hashes(log);
  attest::IndexRanges shown = wish.shown.value_or(attest::IndexRanges{});
  if (!wish.shown) shown.add(0, log.records.size());
  const auto records = [&](std::uint64_t begin, std::uint64_t end, const auto& take) {
    for (std::uint64_t i = begin; i < end; ++i) {
      PaperLog::Record record = log.records.at(i);
      if (forging) forging(i, record);
      take({record.leaf, record.state, {record.salt, record.tlvs, record.bytes}});
    }
  };
  attest::EvidenceAssembler assembler(writer, hashes, records, std::move(shown));
  if (!wish.trust.empty()) writer.write(attest::TrustPart{attest::view(wish.trust)});
  if (!wish.answer.empty()) writer.write(attest::AnswerPart{wish.answer});
  if (!wish.heads.empty()) assembler.heads(wish.heads);
  std::size_t first = 0;
  if (wish.since) {
    first = behind(log, wish.since->digest);
    assembler.start(wish.since->log_id, wish.since->digest, wish.since->tree.size);
    for (const std::uint64_t index : wish.earlier) assembler.earlier(index);
  }
  for (std::size_t i = first; i < log.entries.size(); ++i) {
    assembler.entry(log.entries[i].kind, log.entries[i].payload);
    if (log.entries[i].kind != static_cast<std::uint8_t>(EntryKind::bundle)) continue;
    for (const Bytes& text : wish.logs) assembler.log(text);
  }
  if (!wish.shown) assembler.up_to(log.records.size());
  assembler.end();
  return out;
}

attest::Memory remembered(const PaperLog& log) {
  attest::Options options;
  options.trust = log.trust;
  options.eras_approved = true;
  attest::Appraiser appraiser(std::move(options));
  log.present(appraiser);
  appraiser.report();
  return appraiser.memory().value();
}

attest::EvidenceOptions judging(const PaperLog& log) {
  attest::EvidenceOptions options;
  options.trust = log.trust;
  return options;
}

attest::EvidenceOptions judging(const PaperLog& log, const attest::Memory& memory) {
  attest::EvidenceOptions options = judging(log);
  options.memory = memory;
  return options;
}

std::string auditor_key() { return to_text(auditor().key()); }

std::string signed_trust(const attest::TrustFile& trust) {
  return to_text(auditor().note(to_text(trust)));
}

}  // namespace stele::test
