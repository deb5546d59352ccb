// C2SP signed notes and tree-head checkpoints, Ed25519.
//
// See: C2SP signed-note.md, tlog-checkpoint.md. Errors: truncated, value_out_of_range,
// signature_invalid. Thread safety: pure.
#pragma once

#include <string>
#include <vector>

#include "attest/merkle.h"

namespace stele::attest {

struct NoteSignature {
  std::string name;
  std::uint32_t key_hash = 0;
  Bytes signature;  // without the key hash
};
struct Note {
  std::string text;  // ends with a newline
  std::vector<NoteSignature> signatures;
};
Result<Note> parse_note(std::string_view bytes);
std::string to_text(const Note& note);

// A verifier key "name+hash+base64(0x01 ‖ 32-byte Ed25519 key)".
struct NoteKey {
  std::string name;
  std::uint32_t key_hash = 0;
  Hash key;
};
Result<NoteKey> parse_note_key(std::string_view text);
Result<void> verify_note(const Note& note, const NoteKey& key);  // by at least one of its signatures

struct Checkpoint {
  std::string origin;
  TreeHead tree;
  std::vector<std::string> extensions;
};
std::string to_text(const Checkpoint& checkpoint);  // the note text
Result<Checkpoint> parse_checkpoint(std::string_view note_text);

}  // namespace stele::attest
