// C2SP signed notes and tree-head checkpoints, Ed25519.
//
//   note        text LF ‖ one or more lines "— NAME base64(key hash u32 ‖ signature)" LF
//   checkpoint  text: origin LF size LF base64(root) LF, then extension lines
//   key hash    the first 4 bytes of H(NAME ‖ LF ‖ 0x01 ‖ key 32)
//
// Thread safety: pure. Errors: parse_*: truncated, value_out_of_range; verify_note: signature_invalid.
// Trust: notes come from anyone; a key from whoever the caller trusts.
// See: C2SP signed-note.md, tlog-checkpoint.md.
#pragma once

#include <string>
#include <vector>

#include "attest/merkle.h"

namespace stele::attest {

constexpr std::size_t kMaxNoteBytes = 1u << 20;
constexpr std::size_t kMaxNoteSignatures = 100;

struct NoteSignature {
  std::string name;
  std::uint32_t key_hash = 0;
  Bytes signature;  // without the key hash
  bool operator==(const NoteSignature&) const = default;
};
struct Note {
  std::string text;  // ends with a newline
  std::vector<NoteSignature> signatures;
};
Result<Note> parse_note(std::string_view bytes);
// Of one "— NAME BASE64" line, without its LF; `at`: for its defect.
Result<NoteSignature> parse_note_signature(std::string_view line, Place at);
std::string to_text(const NoteSignature& signature);  // with its LF
std::string to_text(const Note& note);

// What an Ed25519 key signs; the same key is another one for each.
enum class NoteKeyType : std::uint8_t {
  note = 0x01,
  cosignature = 0x04  // witness/cosignature.h
};
// A verifier key "name+hash+base64(type ‖ 32-byte Ed25519 key)".
struct NoteKey {
  std::string name;
  std::uint32_t key_hash = 0;
  Hash key;
  NoteKeyType type = NoteKeyType::note;
};
// With the key hash that follows from these.
NoteKey make_note_key(std::string name, const Hash& key, NoteKeyType type);
// The key hash must be that of name, type and key.
Result<NoteKey> parse_note_key(std::string_view text, NoteKeyType type = NoteKeyType::note);
std::string to_text(const NoteKey& key);
// Precondition: a key of type note. At least one signature is by this key, and every one that
// names it verifies. Others are ignored.
Result<void> verify_note(const Note& note, const NoteKey& key);
bool verifies_ed25519(const Hash& key, ByteView message, ByteView signature);

struct Checkpoint {
  std::string origin;
  TreeHead tree;
  std::vector<std::string> extensions;  // opaque lines
};
std::string to_text(const Checkpoint& checkpoint);  // the note text
Result<Checkpoint> parse_checkpoint(std::string_view note_text);

}  // namespace stele::attest
