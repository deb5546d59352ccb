#include "storage/write_evidence.h"

#include <algorithm>
#include <set>

#include "attest/entry.h"
#include "attest/evidence/assembler.h"
#include "storage/boot_log_parts.h"
#include "storage/store_reader.h"
#include "storage/whole_file.h"

namespace stele::storage {
namespace {

using attest::ByteView;
using attest::EntryKind;
using attest::Hash;
using attest::RecordView;
using Outcome = EvidenceWritten::Outcome;

bool is(const EntryReader::Entry& entry, EntryKind kind) {
  return entry.kind == static_cast<std::uint8_t>(kind);
}

// What must be known of the journal before the first byte is written.
struct Outline {
  std::uint64_t entries = 0;   // of the journal now; a running daemon adds more
  std::uint64_t anchored = 0;  // by the newest statement with a receipt
  std::uint64_t stated = 0;    // by any statement
  struct Start {
    std::uint64_t entry = 0;  // the first one behind its receipt
    std::uint64_t size = 0;
  };
  std::optional<Start> start;
};

[[noreturn]] void throw_damage(const attest::Defect& defect) {
  throw Damage(defect);
}

Outline read_outline(FileSystem& files, const std::string& directory,
                     const std::optional<EvidenceRequest::Since>& since) {
  EntryReader reader(files, directory);
  Outline outline;
  std::optional<attest::Statement> open;
  Hash digest;
  while (const auto entry = reader.next()) {
    outline.entries = entry->number + 1;
    if (is(*entry, EntryKind::intent)) {
      auto statement = attest::decode_statement(entry->payload);
      if (!statement) throw_damage(statement.error());
      open = *statement;
      digest = attest::statement_digest(entry->payload);
      outline.stated = std::max(outline.stated, statement->tree.size);
    } else if (is(*entry, EntryKind::receipt) && open) {
      outline.anchored = open->tree.size;
      if (since && since->digest == digest && since->log_id == open->log_id)
        outline.start = Outline::Start{entry->number + 1, open->tree.size};
      open.reset();
    } else if (is(*entry, EntryKind::voided) || is(*entry, EntryKind::genesis)) {
      open.reset();
    }
  }
  if (reader.defect()) throw_damage(*reader.defect());
  return outline;
}

RecordView view_of(const StoredRecord& record) {
  RecordView view{record.encoded_leaf, RecordView::State::erased, {}};
  if (record.erased) return view;
  view.state = RecordView::State::present;
  view.content = {record.salt, record.tlvs, record.bytes};
  return view;
}

// The sources that the records shown name, which must be shown too: those before `start`, and
// those after it, added to `shown`.
std::set<std::uint64_t> add_sources(const Store& store, std::uint64_t start,
                                    attest::IndexRanges& shown) {
  std::set<std::uint64_t> sources;
  const auto note = [&sources](const StoredRecord& record) {
    if (record.leaf.source != attest::kNoSource) sources.insert(record.leaf.source);
    return true;
  };
  for (const auto& [begin, end] : shown.intervals()) {
    if (end > start) store.visit(std::max(begin, start), end, note);
  }
  // A source has none in its turn; if one does, the verifier says what is missing.
  for (const std::uint64_t source : sources) {
    if (source >= start && source < store.head().size) shown.add(source, source + 1);
  }
  sources.erase(sources.lower_bound(start), sources.end());
  return sources;
}

std::uint64_t count(const attest::IndexRanges& shown, std::uint64_t start) {
  std::uint64_t records = 0;
  for (const auto& [begin, end] : shown.intervals()) {
    if (end > start) records += end - std::max(begin, start);
  }
  return records;
}

using Heads = std::vector<attest::CosignedHead>;

// Those that the store keeps, or why they cannot be read; none without the file.
attest::Result<Heads> read_heads(FileSystem& files, const std::string& directory) {
  const auto text = read_whole(files, directory + "/cosignatures", attest::kMaxCosignedBytes);
  if (!text) return Heads{};
  return attest::parse_cosigned_heads(*text);
}

// Those whose tree evidence of the records [begin, end) tells.
Heads told(attest::Result<Heads> heads, std::uint64_t begin, std::uint64_t end,
           EvidenceWritten& written) {
  if (!heads) {
    written.unreadable_heads = heads.error();
    return {};
  }
  std::erase_if(*heads, [&](const attest::CosignedHead& head) {
    return head.checkpoint.tree.size < begin || head.checkpoint.tree.size > end;
  });
  written.heads = heads->size();
  return *std::move(heads);
}

}  // namespace

EvidenceWritten write_evidence(FileSystem& files, const std::string& directory, const Store& store,
                               const EvidenceRequest& request,
                               const std::function<void(ByteView)>& sink,
                               const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  // Before the log: what was cosigned then is in it.
  auto heads = read_heads(files, directory);
  const Outline outline = read_outline(files, directory, request.since);
  // After the journal: a statement is only of records that are durable.
  const std::uint64_t size = store.head().size;
  EvidenceWritten written;
  written.anchored = outline.anchored;
  if (request.since && !outline.start) {
    written.outcome = Outcome::start_missing;
    return written;
  }
  if (outline.stated > size) {
    throw Damage(attest::Fault::records_missing, attest::Place::index(size),
                 "the journal's statements cover " + std::to_string(outline.stated) + " records");
  }
  if (!request.all_records && request.shown.end() > outline.anchored) {
    written.outcome = Outcome::not_anchored;
    return written;
  }
  attest::IndexRanges shown = request.shown;
  if (request.all_records) shown.add(0, size);
  const std::uint64_t start = outline.start ? outline.start->size : 0;
  const std::set<std::uint64_t> earlier = add_sources(store, start, shown);
  const std::uint64_t total = request.all_records ? size : outline.stated;
  written.shown = earlier.size() + count(shown, start);
  const Heads cosigned = told(std::move(heads), start, total, written);

  attest::EvidenceWriter writer(sink, cosigned.empty() ? attest::kEvidenceVersion
                                                       : attest::kEvidenceVersionWithHeads);
  const auto records = [&](std::uint64_t begin, std::uint64_t end,
                           const std::function<void(const RecordView&)>& take) {
    store.visit(begin, end, [&](const StoredRecord& record) {
      take(view_of(record));
      if (progress && record.index % 4096 == 0) progress(record.index, total);
      return true;
    });
  };
  attest::EvidenceAssembler assembler(writer, store, records, std::move(shown));
  if (!request.trust.empty()) writer.write(attest::TrustPart{attest::view(request.trust)});
  if (!request.answer.empty()) writer.write(attest::AnswerPart{request.answer});
  if (!cosigned.empty()) assembler.heads(cosigned);
  if (outline.start) {
    assembler.start(request.since->log_id, request.since->digest, start);
    for (const std::uint64_t index : earlier) assembler.earlier(index);
  }
  EntryReader reader(files, directory);
  BootLogParts logs(files, directory, assembler, {});
  const std::uint64_t first = outline.start ? outline.start->entry : 0;
  for (auto entry = reader.next(); entry && entry->number < outline.entries;
       entry = reader.next()) {
    if (entry->number < first) continue;
    assembler.entry(entry->kind, entry->payload);
    if (request.boot_logs && is(*entry, EntryKind::bundle)) logs.give(entry->payload);
    if (progress) progress(writer.size(), total);
  }
  if (reader.defect()) throw_damage(*reader.defect());
  written.logs_too_long = logs.too_long();
  assembler.up_to(total);
  assembler.end();
  return written;
}

}  // namespace stele::storage
