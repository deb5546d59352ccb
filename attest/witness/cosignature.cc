#include "attest/witness/cosignature.h"

#include <algorithm>
#include <limits>

#include "attest/check.h"
#include "attest/codec.h"

namespace stele::attest {
namespace {

constexpr std::size_t kTimeBytes = 8;
constexpr std::size_t kSignatureBytes = 64;
constexpr auto kMaxTime = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::string signed_message(std::string_view text, std::uint64_t time_s) {
  return "cosignature/v1\ntime " + std::to_string(time_s) + "\n" + std::string(text);
}

bool is_by(const NoteSignature& line, const NoteKey& key) {
  return line.name == key.name && line.key_hash == key.key_hash;
}

}  // namespace

NoteKey cosigner_key(const NoteSigner& signer) {
  return make_note_key(signer.key().name, signer.key().key, NoteKeyType::cosignature);
}

Hash witness_seed(const Hash& checkpoint_seed) {
  return hash({tag("stele/v1/witness-key"), checkpoint_seed});
}

NoteSignature cosign(const NoteSigner& signer, std::string_view text, std::uint64_t time_s) {
  ENSURE(time_s <= kMaxTime);
  const NoteKey key = cosigner_key(signer);
  NoteSignature line{key.name, key.key_hash, {}};
  Writer(line.signature).u64(time_s).bytes(signer.sign_bytes(view(signed_message(text, time_s))));
  return line;
}

Result<std::uint64_t> verify_cosignature(std::string_view text, const NoteSignature& line,
                                         const NoteKey& key) {
  ENSURE(key.type == NoteKeyType::cosignature && is_by(line, key));
  const Defect invalid(Fault::signature_invalid, {}, "cosignature by " + key.name);
  Reader reader(line.signature);
  const std::uint64_t time_s = reader.u64();
  const ByteView signature = reader.bytes(kSignatureBytes);
  if (line.signature.size() != kTimeBytes + kSignatureBytes || time_s > kMaxTime) return invalid;
  if (!verifies_ed25519(key.key, view(signed_message(text, time_s)), signature)) return invalid;
  return time_s;
}

Result<std::optional<std::uint64_t>> verify_cosigned(const Note& note, const NoteKey& key) {
  std::optional<std::uint64_t> newest;
  for (const NoteSignature& line : note.signatures) {
    if (!is_by(line, key)) continue;
    const auto time_s = verify_cosignature(note.text, line, key);
    if (!time_s) return time_s.error();
    newest = std::max(newest.value_or(0), *time_s);
  }
  return newest;
}

Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view body) {
  std::vector<NoteSignature> lines;
  while (!body.empty()) {
    const Place at = Place::line(lines.size() + 1);
    const std::size_t end = body.find('\n');
    if (end == body.npos) return Defect(Fault::truncated, at, "a line without its end");
    if (lines.size() == kMaxCosignatures) {
      return Defect(Fault::value_out_of_range, at, "too many cosignatures");
    }
    auto line = parse_note_signature(body.substr(0, end), at);
    if (!line) return line.error();
    lines.push_back(*std::move(line));
    body.remove_prefix(end + 1);
  }
  if (lines.empty()) return Defect(Fault::truncated, {}, "no cosignature");
  return lines;
}

}  // namespace stele::attest
