// Signs C2SP notes with an Ed25519 key made from a seed, as an auditor's own tool would.
#pragma once

#include <string>
#include <string_view>

#include "attest/checkpoint.h"

namespace stele::test {

class NoteSigner {
 public:
  NoteSigner(std::string name, std::uint8_t seed);
  const attest::NoteKey& key() const { return key_; }
  attest::NoteSignature sign(std::string_view text) const;
  attest::Note note(std::string_view text) const { return {std::string(text), {sign(text)}}; }

 private:
  attest::Hash seed_;
  attest::NoteKey key_;
};

}  // namespace stele::test
