#include "attest/tlog_proof.h"

#include <algorithm>

#include "attest/base64.h"
#include "attest/check.h"
#include "attest/decimal.h"

namespace stele::attest {
namespace {

constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

Defect malformed_proof(std::uint64_t line, std::string why) {
  return Defect(Fault::value_out_of_range, Place::line(line), "tlog-proof: " + std::move(why));
}

// Takes lines, and counts them.
class ProofLines {
 public:
  explicit ProofLines(std::string_view text) : rest_(text) {}
  // Nothing: no LF is left.
  std::optional<std::string_view> next() {
    const std::size_t end = rest_.find('\n');
    if (end == rest_.npos) return std::nullopt;
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    ++number_;
    return line;
  }
  bool starts_with(std::string_view word) const { return rest_.starts_with(word); }
  std::uint64_t number() const { return number_; }  // of the line last taken, from 1
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  std::uint64_t number_ = 0;
};

Result<InclusionProof> parse_path(ProofLines& lines) {
  InclusionProof path;
  while (const auto line = lines.next()) {
    if (line->empty()) return path;
    const auto bytes = from_base64(*line);
    if (!bytes || bytes->size() != sizeof(Hash))
      return malformed_proof(lines.number(), "not a hash");
    if (path.size() == kMaxProofPath)
      return malformed_proof(lines.number(), "a path of more than 64 hashes");
    std::copy(bytes->begin(), bytes->end(), path.emplace_back().bytes.begin());
  }
  return Defect(Fault::truncated, Place::line(lines.number() + 1), "tlog-proof: no checkpoint");
}

// A note's defect, with the line of this file.
Defect moved(Defect defect, std::uint64_t lines) {
  if (defect.at.what == Place::What::line) defect.at.value += lines;
  return defect;
}

}  // namespace

std::string to_text(const TlogProof& proof) {
  std::string out(kTlogProofFirstLine);
  if (proof.extra) out += std::string(kExtra) + to_base64(*proof.extra) + "\n";
  out += std::string(kIndex) + std::to_string(proof.index) + "\n";
  for (const Hash& hash : proof.path) out += to_base64(hash) + "\n";
  return out + "\n" + to_text(proof.note);
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kMaxReadTlogProofBytes) {
    return Defect(Fault::value_out_of_range, {},
                  "tlog-proof of more than " + std::to_string(kMaxReadTlogProofBytes) + " bytes");
  }
  if (!text.starts_with(kTlogProofFirstLine)) {
    const bool begins = kTlogProofFirstLine.starts_with(text);
    return Defect(begins ? Fault::truncated : Fault::bad_magic, Place::line(1), "tlog-proof");
  }
  TlogProof proof;
  ProofLines lines(text);
  lines.next();
  if (lines.starts_with(kExtra)) {
    const auto line = lines.next();
    if (!line) return Defect(Fault::truncated, Place::line(2), "tlog-proof: extra");
    proof.extra = from_base64(line->substr(kExtra.size()));
    if (!proof.extra) return malformed_proof(2, "extra is not base64");
  }
  const auto index = lines.next();
  const std::uint64_t at = lines.number() + (index ? 0 : 1);
  if (!index) return Defect(Fault::truncated, Place::line(at), "tlog-proof: index");
  const auto number =
      index->starts_with(kIndex) ? parse_decimal(index->substr(kIndex.size())) : std::nullopt;
  if (!number) return malformed_proof(at, "neither an index nor, in its place, extra data");
  proof.index = *number;
  auto path = parse_path(lines);
  if (!path) return path.error();
  proof.path = *std::move(path);
  auto note = parse_note(lines.rest());
  if (!note) return moved(note.error(), lines.number());
  auto checkpoint = parse_checkpoint(note->text);
  if (!checkpoint) return moved(checkpoint.error(), lines.number());
  proof.note = *std::move(note);
  proof.checkpoint = *std::move(checkpoint);
  return proof;
}

std::optional<TlogProof> make_tlog_proof(Proof proof, const Note& note) {
  TlogProof out;
  out.index = proof.index;
  out.path = std::move(proof.path);
  proof.path.clear();
  out.extra = encode(proof);
  auto checkpoint = parse_checkpoint(note.text);
  ENSURE(checkpoint);
  out.checkpoint = *std::move(checkpoint);
  out.note.text = note.text;
  // The log's own are never left out, wherever they stand.
  const auto is_the_logs = [&](const NoteSignature& line) {
    return line.name == out.checkpoint.origin;
  };
  std::size_t size = to_text(out).size();
  for (const NoteSignature& line : note.signatures) {
    if (is_the_logs(line)) size += to_text(line).size();
  }
  for (const NoteSignature& line : note.signatures) {
    if (!is_the_logs(line)) {
      const std::size_t bytes = to_text(line).size();
      if (size + bytes > kMaxTlogProofBytes) continue;
      size += bytes;
    }
    out.note.signatures.push_back(line);
  }
  if (size > kMaxTlogProofBytes) return std::nullopt;
  return out;
}

Result<Proof> decode_extra(const TlogProof& proof) {
  ENSURE(proof.extra);
  auto decoded = decode_proof(*proof.extra);
  if (!decoded) return decoded.error();
  if (!decoded->path.empty() || decoded->index != proof.index) {
    return Defect(Fault::value_out_of_range, Place::line(2),
                  "tlog-proof: the extra line's receipt is for another record, or has a path");
  }
  decoded->path = proof.path;
  return decoded;
}

}  // namespace stele::attest
