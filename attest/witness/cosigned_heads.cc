#include "attest/witness/cosigned_heads.h"

#include <algorithm>

#include "attest/check.h"

namespace stele::attest {
namespace {

constexpr std::string_view kCosignaturesFirstLine = "stele-cosignatures 1\n";

// Where the note at the beginning of `text` ends: behind its signature lines.
std::size_t note_end(std::string_view text) {
  const std::size_t blank = text.find("\n\n");
  if (blank == text.npos) return text.npos;
  const std::size_t next = text.find("\n\n", blank + 2);
  return next == text.npos ? text.size() : next + 1;
}

// Every second of the older half, the first excepted: it says most about the past.
void thin(std::vector<CosignedHead>& heads) {
  std::vector<CosignedHead> kept;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    if (i < heads.size() / 2 && i % 2 == 1) continue;
    kept.push_back(std::move(heads[i]));
  }
  heads = std::move(kept);
}

void merge(Note& into, const NoteSignature& line) {
  for (NoteSignature& known : into.signatures) {
    if (known.name != line.name || known.key_hash != line.key_hash) continue;
    known = line;
    return;
  }
  if (into.signatures.size() < kMaxNoteSignatures) into.signatures.push_back(line);
}

}  // namespace

Result<std::vector<CosignedHead>> parse_cosigned_heads(std::string_view text) {
  if (text.size() > kMaxCosignedBytes) {
    return Defect(Fault::value_out_of_range, {}, "cosignatures: the file is too long");
  }
  if (!text.starts_with(kCosignaturesFirstLine)) {
    return Defect(Fault::bad_magic, Place::line(1), "not cosignatures of a version known here");
  }
  text.remove_prefix(kCosignaturesFirstLine.size());
  std::vector<CosignedHead> heads;
  while (!text.empty()) {
    const Place at = Place::index(heads.size());
    if (text.front() != '\n') return Defect(Fault::value_out_of_range, at, "no empty line before");
    text.remove_prefix(1);
    const std::size_t end = note_end(text);
    if (end == text.npos) return Defect(Fault::truncated, at, "a cosigned head ends too early");
    auto note = parse_note(text.substr(0, end));
    if (!note) return note.error();
    auto checkpoint = parse_checkpoint(note->text);
    if (!checkpoint) return checkpoint.error();
    if (!checkpoint->extensions.empty()) {
      return Defect(Fault::value_out_of_range, at, "a head with extension lines");
    }
    const bool ascends = heads.empty() || heads.back().checkpoint.tree.size < checkpoint->tree.size;
    if (!ascends || heads.size() == kMaxCosignedHeads) {
      return Defect(Fault::value_out_of_range, at, "sizes do not ascend, or too many heads");
    }
    heads.push_back({*std::move(note), *std::move(checkpoint)});
    text.remove_prefix(end);
  }
  return heads;
}

std::string to_text(const std::vector<CosignedHead>& heads) {
  std::string text(kCosignaturesFirstLine);
  for (const CosignedHead& head : heads) text += "\n" + to_text(head.note);
  return text;
}

bool add_cosigned(std::vector<CosignedHead>& heads, const Note& note) {
  const auto checkpoint = parse_checkpoint(note.text);
  ENSURE(checkpoint && checkpoint->extensions.empty());
  const std::uint64_t size = checkpoint->tree.size;
  auto at = std::lower_bound(heads.begin(), heads.end(), size, [](const auto& head, auto wanted) {
    return head.checkpoint.tree.size < wanted;
  });
  if (at != heads.end() && at->checkpoint.tree.size == size) {
    if (at->note.text != note.text) return false;
    for (const NoteSignature& line : note.signatures) merge(at->note, line);
    return true;
  }
  heads.insert(at, {note, *checkpoint});
  if (heads.size() > kMaxCosignedHeads) thin(heads);
  return true;
}

void take_cosignatures(std::string_view file, Note& note) {
  const auto heads = parse_cosigned_heads(file);
  if (!heads) return;
  for (const CosignedHead& head : *heads) {
    if (head.note.text != note.text) continue;
    for (const NoteSignature& line : head.note.signatures) merge(note, line);
  }
}

}  // namespace stele::attest
