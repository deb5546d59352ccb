#include "tests/support/paper_witnesses.h"

namespace stele::test {

using namespace attest;

attest::NoteSigner signer_of(std::uint8_t seed, const std::string& name) {
  Hash bytes;
  bytes.bytes.fill(seed);
  return attest::NoteSigner(bytes, name);
}

WitnessedLog::WitnessedLog() {
  for (std::uint8_t i = 1; i <= 3; ++i) {
    witnesses.push_back(signer_of(i, "w" + std::to_string(i) + ".example"));
  }
}

TreeHead WitnessedLog::head(std::uint64_t size) const {
  CompactRange range;
  for (std::uint64_t i = 0; i < size; ++i) range.append(leaf_hash(log.records[i].leaf));
  return range.head();
}

Note WitnessedLog::signed_by(const attest::NoteSigner& signer, const std::string& origin,
                             const TreeHead& head) const {
  return signer.sign(to_text(Checkpoint{origin, head, {}}));
}

Note WitnessedLog::cosigned(const TreeHead& head, unsigned bits, std::uint64_t time_s) const {
  return add(signed_by(key, log.trust.origin, head), bits, time_s);
}

Note WitnessedLog::add(Note note, unsigned bits, std::uint64_t time_s) const {
  for (std::size_t i = 0; i < witnesses.size(); ++i) {
    if (bits >> i & 1) note.signatures.push_back(cosign(witnesses[i], note.text, time_s));
  }
  return note;
}

std::string WitnessedLog::policy(const std::string& quorum, bool lists_log) const {
  std::string text = lists_log ? "log " + to_text(key.key()) + "\n" : "";
  for (std::size_t i = 0; i < witnesses.size(); ++i) {
    text += "witness w" + std::to_string(i) + " " + to_text(cosigner_key(witnesses[i])) + "\n";
  }
  return text + "group g " + quorum + " w0 w1 w2\nquorum g\n";
}

std::vector<CosignedHead> heads_of(const std::vector<Note>& notes) {
  std::vector<CosignedHead> heads;
  for (const Note& note : notes) add_cosigned(heads, note);
  return heads;
}

std::vector<PushedAnchor> anchors_of(const PaperLog& log) {
  std::vector<PushedAnchor> anchors;
  std::optional<Statement> open;
  for (const PaperLog::Entry& entry : log.entries) {
    if (entry.kind == static_cast<std::uint8_t>(EntryKind::intent)) {
      open = *decode_statement(entry.payload);
    }
    if (entry.kind != static_cast<std::uint8_t>(EntryKind::receipt) || !open) continue;
    if (!open->is_quote()) anchors.push_back({*open, *decode_receipt(entry.payload)});
    open.reset();
  }
  return anchors;
}

std::string line_of(const PushedAnchor& anchor) {
  std::string line = to_line(anchor);
  line.pop_back();
  return line;
}

std::vector<std::string> lines_of(const PaperLog& log) {
  std::vector<std::string> lines;
  for (const PushedAnchor& anchor : anchors_of(log)) lines.push_back(line_of(anchor));
  return lines;
}

}  // namespace stele::test
