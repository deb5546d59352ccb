#include "tests/tamper/tamper_cases.h"

#include <algorithm>

#include "attest/codec.h"
#include "attest/entry.h"
#include "attest/receipt.h"
#include "storage/journal_format.h"
#include "storage/segment_format.h"

namespace stele::test {

using attest::Bytes;
using attest::EntryKind;
using attest::Hash;

namespace {

void flip(Bytes& bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ 1u << bit % 8);
}

std::string two(std::size_t i, std::size_t j) { return std::to_string(i) + "-" + std::to_string(j); }

std::string last_file(const MemoryFiles& files, const std::string& room) {
  std::string last;
  for (const auto& [path, bytes] : files.files) {
    if (path.starts_with(room)) last = path;
  }
  return last;
}

void visit_paper(int family, const std::string& name, Expected expected, const PaperStore& paper,
                 const CaseVisitor& visit) {
  MemoryFiles files = paper.files();
  visit({family, name, expected, files});
}

// Removes a record, and its group if that is empty then.
void remove_record(PaperStore& paper, std::size_t index) {
  for (auto& segment : paper.segments) {
    for (auto group = segment.begin(); group != segment.end(); ++group) {
      if (index < group->records.size()) {
        group->records.erase(group->records.begin() + static_cast<std::ptrdiff_t>(index));
        if (group->records.empty()) segment.erase(group);
        return;
      }
      index -= group->records.size();
    }
  }
}

void duplicate_record(PaperStore& paper, std::size_t index) {
  for (auto& segment : paper.segments) {
    for (PaperGroup& group : segment) {
      if (index < group.records.size()) {
        const PaperRecord copy = group.records[index];
        group.records.insert(group.records.begin() + static_cast<std::ptrdiff_t>(index), copy);
        return;
      }
      index -= group.records.size();
    }
  }
}

// An intent and what closes it, as positions in the one journal file of a paper store.
struct Anchor {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<Anchor> anchors_of(const PaperStore& paper) {
  std::vector<Anchor> anchors;
  const std::vector<PaperEntry>& entries = paper.journal.front();
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    if (entries[i].kind == static_cast<std::uint8_t>(EntryKind::intent)) anchors.push_back({i, i + 2});
  }
  return anchors;
}

using Entries = std::vector<PaperEntry>;

Entries slice(const Entries& entries, std::size_t begin, std::size_t end) {
  return {entries.begin() + static_cast<std::ptrdiff_t>(begin), entries.begin() + static_cast<std::ptrdiff_t>(end)};
}

Entries joined(std::initializer_list<Entries> parts) {
  Entries all;
  for (const Entries& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// Rewrites the journal after records changed: statements name the new roots, the chain, E and the
// receipts' claims follow; what the TPM signed stays as it is.
void recompute_statements(PaperStore& paper) {
  attest::CompactRange range;
  std::vector<Hash> roots{range.head().root};
  for (const PaperRecord* const record : paper.records()) {
    range.append(attest::leaf_hash(attest::encode(record->leaf)));
    roots.push_back(range.head().root);
  }
  Hash chain_head = paper.log_id;
  std::optional<Hash> extend;
  Hash digest;
  for (PaperEntry& entry : paper.journal.front()) {
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::intent)) {
      attest::Statement statement = attest::decode_statement(entry.payload).value();
      if (!extend) extend = statement.prev_extend;
      statement.tree.root = roots[static_cast<std::size_t>(statement.tree.size)];
      statement.chain_head = chain_head;
      statement.prev_extend = *extend;
      const auto encoded = attest::encode(statement);
      entry.payload.assign(encoded.begin(), encoded.end());
      digest = attest::statement_digest(encoded);
      chain_head = attest::extended(chain_head, digest);
      if (!statement.is_quote()) extend = attest::extended(*extend, digest);
    } else if (entry.kind == static_cast<std::uint8_t>(EntryKind::receipt) && extend) {
      attest::Receipt receipt = attest::decode_receipt(entry.payload).value();
      receipt.digest = digest;
      if (receipt.audit) receipt.audit->extend = *extend;
      entry.payload = attest::encode(receipt);
    }
  }
}

}  // namespace

void bit_flips(const TamperBase& base, std::size_t step, const std::string& file, const CaseVisitor& visit) {
  MemoryFiles files = base.files;
  for (auto& [path, bytes] : files.files) {
    if (!file.empty() && path != file) continue;
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += step) {
      flip(bytes, bit);
      visit({21, "flip-" + path + "-" + std::to_string(bit), Expected::unchanged, files});
      flip(bytes, bit);
    }
  }
}

void cuts(const TamperBase& base, std::size_t step, const CaseVisitor& visit) {
  MemoryFiles files = base.files;
  for (const char* const room : {"segments", "journal"}) {
    const std::string last = last_file(files, room);
    const std::size_t header = *room == 'j' ? storage::kJournalHeaderBytes : 137 + 32;  // one subtree: 8 records
    for (auto& [path, bytes] : files.files) {
      if (!path.starts_with(room)) continue;
      const Bytes whole = bytes;
      for (std::size_t length = whole.size(); length-- > 0;) {
        if (length % step != 0) continue;
        bytes.resize(length);
        // The last segment holds no anchored record; the last journal file begins behind counter anchors.
        const bool honest = path == last && length >= header;
        visit({22, "cut-" + path + "-" + std::to_string(length), honest ? Expected::verified : Expected::tampered,
               files});
      }
      bytes = whole;
    }
  }
}

void record_moves(const TamperBase& base, const CaseVisitor& visit) {
  const std::size_t size = base.roots.size() - 1;
  const auto anchored = static_cast<std::size_t>(base.anchored);
  for (std::size_t i = 0; i < anchored; ++i) {
    PaperStore deleted = base.paper;
    remove_record(deleted, i);
    visit_paper(23, "record-delete-" + std::to_string(i), Expected::tampered, deleted, visit);
    // The copy of the newest anchored record is the first unanchored one: lies may be appended.
    if (i + 1 < anchored) {
      PaperStore doubled = base.paper;
      duplicate_record(doubled, i);
      visit_paper(23, "record-duplicate-" + std::to_string(i), Expected::tampered, doubled, visit);
    }
    for (std::size_t j = i + 1; j < size; ++j) {
      PaperStore swapped = base.paper;
      std::swap(*swapped.records()[i], *swapped.records()[j]);
      visit_paper(23, "record-swap-" + two(i, j), Expected::tampered, swapped, visit);
    }
  }
}

void file_moves(const TamperBase& base, const CaseVisitor& visit) {
  std::vector<std::string> paths;
  for (const auto& [path, bytes] : base.files.files) paths.push_back(path);
  for (const std::string& path : paths) {
    const std::string room = path.substr(0, path.find('/'));
    const bool is_last = path == last_file(base.files, room);
    MemoryFiles files = base.files;
    files.files.erase(path);
    visit({24, "file-delete-" + path, is_last ? Expected::verified : Expected::tampered, files});
    files = base.files;
    files.files[room + "/" + std::string(15, '0') + "3"] = files.files[path];
    visit({24, "file-duplicate-" + path, Expected::tampered, files});
    files = base.files;
    const auto foreign = base.foreign_files.files.find(path);
    if (foreign != base.foreign_files.files.end()) {
      files.files[path] = foreign->second;
      visit({24, "file-splice-" + path, Expected::tampered, files});
    }
    for (const std::string& other : paths) {
      if (!(path < other) || !other.starts_with(room)) continue;
      files = base.files;
      std::swap(files.files[path], files.files[other]);
      visit({24, "file-swap-" + path + "-" + other.substr(other.find('/') + 1), Expected::tampered, files});
    }
  }
}

void segment_moves(const TamperBase& base, const CaseVisitor& visit) {
  const std::size_t count = base.paper.segments.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i);
    const bool unanchored = i + 1 == count;
    PaperStore paper = base.paper;
    paper.segments.erase(paper.segments.begin() + at);
    visit_paper(24, "segment-delete-" + std::to_string(i), unanchored ? Expected::verified : Expected::tampered,
                paper, visit);
    if (unanchored) continue;
    paper = base.paper;
    if (i + 2 < count) {  // a copy of the last anchored segment would lie behind the anchors
      paper.segments.insert(paper.segments.begin() + at, base.paper.segments[i]);
      visit_paper(24, "segment-duplicate-" + std::to_string(i), Expected::tampered, paper, visit);
    }
    paper = base.paper;
    paper.segments[i] = base.foreign.segments[i];
    visit_paper(24, "segment-splice-" + std::to_string(i), Expected::tampered, paper, visit);
    for (std::size_t j = i + 1; j < count; ++j) {
      paper = base.paper;
      std::swap(paper.segments[i], paper.segments[j]);
      visit_paper(24, "segment-swap-" + two(i, j), Expected::tampered, paper, visit);
    }
  }
}

void anchor_moves(const TamperBase& base, const CaseVisitor& visit) {
  const Entries entries = base.paper.journal.front();
  const Entries foreign = base.foreign.journal.front();
  const std::size_t end = entries.size();
  const auto give = [&](const std::string& name, Expected expected, const Entries& bent) {
    PaperStore paper = base.paper;
    paper.journal = {bent};
    visit_paper(24, name, expected, paper, visit);
  };
  const std::vector<Anchor> anchors = anchors_of(base.paper);
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    const Anchor a = anchors[i];
    const Entries before = slice(entries, 0, a.begin), it = slice(entries, a.begin, a.end),
                  after = slice(entries, a.end, end);
    // Without the newest anchors a log is an honest older one: that is freshness, not integrity.
    give("anchor-delete-" + std::to_string(i), after.empty() ? Expected::verified : Expected::tampered,
         joined({before, after}));
    give("anchor-duplicate-" + std::to_string(i), Expected::tampered, joined({before, it, it, after}));
    give("anchor-splice-" + std::to_string(i), Expected::tampered,
         joined({before, slice(foreign, a.begin, a.end), after}));
    for (std::size_t j = i + 1; j < anchors.size(); ++j) {
      const Anchor b = anchors[j];
      give("anchor-swap-" + two(i, j), Expected::tampered,
           joined({before, slice(entries, b.begin, b.end), slice(entries, a.end, b.begin), it,
                   slice(entries, b.end, end)}));
    }
  }
  for (std::size_t i = 0; i < end; ++i) {
    const Entries before = slice(entries, 0, i), it = slice(entries, i, i + 1), after = slice(entries, i + 1, end);
    give("entry-delete-" + std::to_string(i), after.empty() ? Expected::verified : Expected::tampered,
         joined({before, after}));
    // A bundle said twice in a row says nothing else than said once.
    const bool says_more = entries[i].kind != static_cast<std::uint8_t>(EntryKind::bundle);
    give("entry-duplicate-" + std::to_string(i), says_more ? Expected::tampered : Expected::unchanged,
         joined({before, it, it, after}));
    give("entry-splice-" + std::to_string(i), Expected::tampered, joined({before, slice(foreign, i, i + 1), after}));
    for (std::size_t j = i + 1; j < end; ++j) {
      Entries swapped = entries;
      std::swap(swapped[i], swapped[j]);
      give("entry-swap-" + two(i, j), Expected::tampered, swapped);
    }
  }
}

void forgeries(const TamperBase& base, const CaseVisitor& visit) {
  for (std::size_t k = 0; k < static_cast<std::size_t>(base.anchored); ++k) {
    PaperStore paper = base.paper;
    PaperRecord& record = *paper.records()[k];
    record.bytes.back() = static_cast<std::uint8_t>(record.bytes.back() ^ 1);
    record.leaf.commitment = record.commitment();
    visit_paper(25, "forge-A-" + std::to_string(k), Expected::tampered, paper, visit);
    recompute_statements(paper);
    visit_paper(25, "forge-B-" + std::to_string(k), Expected::tampered, paper, visit);
    PaperStore dated = base.paper;
    dated.records()[k]->leaf.time_ns += 1;
    visit_paper(25, "forge-time-A-" + std::to_string(k), Expected::tampered, dated, visit);
    recompute_statements(dated);
    visit_paper(25, "forge-time-B-" + std::to_string(k), Expected::tampered, dated, visit);
  }
}

void benign_cases(const TamperBase& base, const CaseVisitor& visit) {
  MemoryFiles files = base.files;
  visit({0, "benign-good", Expected::verified, files});
  const std::string segment = last_file(base.files, "segments");
  const std::string journal = last_file(base.files, "journal");
  for (const std::size_t missing : {1u, 60u, 200u}) {
    files = base.files;
    files.files[segment].resize(files.files[segment].size() - missing);
    visit({0, "benign-torn-group-" + std::to_string(missing), Expected::verified, files});
    files = base.files;
    files.files[journal].resize(files.files[journal].size() - missing);
    visit({0, "benign-torn-entry-" + std::to_string(missing), Expected::verified, files});
  }
  // A power cut may keep any pages of the newest group, its trailer too.
  for (const std::size_t back : {100u, 250u}) {
    files = base.files;
    Bytes& bytes = files.files[segment];
    std::fill_n(bytes.end() - static_cast<std::ptrdiff_t>(back), 20, std::uint8_t{0});
    visit({0, "benign-lost-page-" + std::to_string(back), Expected::verified, files});
  }
  files = base.files;
  files.files.erase(segment);
  visit({0, "benign-cut-after-last-anchor", Expected::verified, files});
  files = base.files;
  files.files["segments/notes.txt"] = {'x'};
  files.files[segment + ".new"] = {'y'};
  visit({0, "benign-other-files", Expected::verified, files});
  PaperStore paper = base.paper;
  paper.segments = {{}};
  for (const auto& its : base.paper.segments) {
    paper.segments[0].insert(paper.segments[0].end(), its.begin(), its.end());
  }
  visit_paper(0, "benign-one-segment", Expected::verified, paper, visit);
}

void named_cases(const TamperBase& base, const CaseVisitor& visit) {
  constexpr std::size_t kFlipStep = 8 * 61 + 3;
  constexpr std::size_t kCutStep = 97;
  benign_cases(base, visit);
  bit_flips(base, kFlipStep, "", visit);
  cuts(base, kCutStep, visit);
  record_moves(base, visit);
  file_moves(base, visit);
  segment_moves(base, visit);
  anchor_moves(base, visit);
  forgeries(base, visit);
}

bool is_missed(const TamperBase& base, const TamperCase& bent, const attest::Report& report) {
  if (report.conclusion != attest::Conclusion::verified) return false;
  if (bent.expected == Expected::tampered) return true;
  const std::uint64_t size = report.tree.size;
  return size >= base.roots.size() || report.tree.root != base.roots[static_cast<std::size_t>(size)] ||
         size < report.coverage.counter_anchored + report.coverage.quote_anchored;
}

bool is_false_alarm(const TamperCase& bent, const attest::Report& report) {
  return bent.expected == Expected::verified && report.conclusion != attest::Conclusion::verified;
}

}  // namespace stele::test
