#include "attest/checkpoint.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "attest/base64.h"
#include "attest/check.h"
#include "attest/codec.h"
#include "attest/decimal.h"
#include "attest/utf8.h"

namespace stele::attest {
namespace {

constexpr std::string_view kSignaturePrefix = "\xe2\x80\x94 ";  // em dash, space

// The code points with the Unicode property White_Space that are not ASCII control characters, as
// UTF-8; a key name may hold none of them.
constexpr std::string_view kSpaces[] = {
    " ",            "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
    "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
    "\xe2\x81\x9f", "\xe3\x80\x80"};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

bool is_key_name(std::string_view name) {
  return !name.empty() && is_utf8(name) && name.find('+') == name.npos &&
         std::none_of(name.begin(), name.end(), is_control) &&
         std::none_of(std::begin(kSpaces), std::end(kSpaces),
                      [&](std::string_view space) { return name.find(space) != name.npos; });
}

Defect malformed_checkpoint(std::string why, Place at = {}) {
  return Defect(Fault::value_out_of_range, at, std::move(why));
}

// The lines of a text that ends with a newline, without their newlines.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

Result<NoteSignature> parse_note_signature(std::string_view line, Place at) {
  if (!line.starts_with(kSignaturePrefix)) return malformed_checkpoint("not a signature line", at);
  line.remove_prefix(kSignaturePrefix.size());
  const std::size_t space = line.find(' ');
  const std::string_view name = line.substr(0, space);
  if (!is_key_name(name)) return malformed_checkpoint("key name", at);
  if (space == line.npos) return malformed_checkpoint("a signature line without a signature", at);
  const auto bytes = from_base64(line.substr(space + 1));
  if (!bytes || bytes->size() < 5) return malformed_checkpoint("signature", at);
  Reader reader(*bytes);
  NoteSignature signature;
  signature.name = name;
  signature.key_hash = reader.u32();
  const ByteView rest = reader.bytes(reader.left());
  signature.signature.assign(rest.begin(), rest.end());
  return signature;
}

bool verifies_ed25519(const Hash& key, ByteView message, ByteView signature) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), key.bytes.size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  return pkey && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > kMaxNoteBytes) return malformed_checkpoint("note is too long");
  if (!is_utf8(bytes)) return malformed_checkpoint("note is not UTF-8");
  if (std::any_of(bytes.begin(), bytes.end(), [](char c) { return is_control(c) && c != '\n'; })) {
    return malformed_checkpoint("note has a control character");
  }
  // The text may have empty lines of its own: the last one separates.
  const std::size_t blank = bytes.rfind("\n\n");
  if (blank == bytes.npos) return Defect(Fault::truncated, {}, "note has no blank line");
  const std::string_view below = bytes.substr(blank + 2);
  if (below.empty()) return Defect(Fault::truncated, {}, "note has no signature");
  if (below.back() != '\n') return Defect(Fault::truncated, {}, "note ends within a line");

  Note note;
  note.text = bytes.substr(0, blank + 1);
  const auto lines = lines_of(below);
  if (lines.size() > kMaxNoteSignatures)
    return malformed_checkpoint("note has too many signatures");
  std::uint64_t line_number =
      static_cast<std::uint64_t>(std::count(note.text.begin(), note.text.end(), '\n')) + 1;
  for (const std::string_view line : lines) {
    auto signature = parse_note_signature(line, Place::line(++line_number));
    if (!signature) return signature.error();
    note.signatures.push_back(*std::move(signature));
  }
  return note;
}

std::string to_text(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) out += to_text(signature);
  return out;
}

std::string to_text(const NoteSignature& signature) {
  Bytes bytes;
  Writer(bytes).u32(signature.key_hash).bytes(signature.signature);
  return std::string(kSignaturePrefix) + signature.name + " " + to_base64(bytes) + "\n";
}

NoteKey make_note_key(std::string name, const Hash& key, NoteKeyType type) {
  const std::uint8_t between[] = {'\n', static_cast<std::uint8_t>(type)};
  const std::uint32_t key_hash = Reader(hash({view(name), between, key})).u32();
  return {std::move(name), key_hash, key, type};
}

Result<NoteKey> parse_note_key(std::string_view text, NoteKeyType type) {
  const std::size_t first = text.find('+');
  const std::size_t second = first == text.npos ? text.npos : text.find('+', first + 1);
  if (second == text.npos) return Defect(Fault::truncated, {}, "verifier key: NAME+HASH+KEY");
  const std::string_view name = text.substr(0, first);
  if (!is_key_name(name)) return malformed_checkpoint("verifier key: name");
  const auto encoded = from_base64(text.substr(second + 1));
  if (!encoded || encoded->size() != 33 || encoded->front() != static_cast<std::uint8_t>(type)) {
    return malformed_checkpoint(type == NoteKeyType::note
                                    ? "verifier key: not an Ed25519 key of a note"
                                    : "verifier key: not an Ed25519 key of a witness (type 04)");
  }
  Hash bytes;
  std::copy(encoded->begin() + 1, encoded->end(), bytes.bytes.begin());
  NoteKey key = make_note_key(std::string(name), bytes, type);
  if (to_text(key) != text)
    return malformed_checkpoint("verifier key: hash is not that of name and key");
  return key;
}

std::string to_text(const NoteKey& key) {
  Bytes key_hash, encoded;
  Writer(key_hash).u32(key.key_hash);
  Writer(encoded).u8(static_cast<std::uint8_t>(key.type)).bytes(key.key);
  return key.name + "+" + to_hex(key_hash) + "+" + to_base64(encoded);
}

Result<void> verify_note(const Note& note, const NoteKey& key) {
  ENSURE(key.type == NoteKeyType::note);
  bool found = false;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != key.name || signature.key_hash != key.key_hash) continue;
    if (!verifies_ed25519(key.key, view(note.text), signature.signature)) {
      return Defect(Fault::signature_invalid, {}, "signature by " + key.name);
    }
    found = true;
  }
  if (!found) return Defect(Fault::signature_invalid, {}, "no signature by " + key.name);
  return ok();
}

std::string to_text(const Checkpoint& checkpoint) {
  std::string out = checkpoint.origin + "\n" + std::to_string(checkpoint.tree.size) + "\n" +
                    to_base64(checkpoint.tree.root) + "\n";
  for (const std::string& extension : checkpoint.extensions) out += extension + "\n";
  return out;
}

Result<Checkpoint> parse_checkpoint(std::string_view note_text) {
  if (note_text.empty() || note_text.back() != '\n') {
    return Defect(Fault::truncated, {}, "checkpoint ends within a line");
  }
  const auto lines = lines_of(note_text);
  if (lines.size() < 3) return Defect(Fault::truncated, {}, "checkpoint has fewer than 3 lines");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) return malformed_checkpoint("empty line", Place::line(i + 1));
  }
  Checkpoint checkpoint;
  checkpoint.origin = lines[0];
  const auto size = parse_decimal(lines[1]);
  if (!size) return malformed_checkpoint("tree size", Place::line(2));
  checkpoint.tree.size = *size;
  const auto root = from_base64(lines[2]);
  if (!root || root->size() != 32) return malformed_checkpoint("root hash", Place::line(3));
  std::copy(root->begin(), root->end(), checkpoint.tree.root.bytes.begin());
  checkpoint.extensions.assign(lines.begin() + 3, lines.end());
  return checkpoint;
}

}  // namespace stele::attest
