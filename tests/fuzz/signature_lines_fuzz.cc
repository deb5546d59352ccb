#include "attest/witness/add_checkpoint.h"
#include "attest/witness/cosignature.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

// A witness's answers: 200's lines, 409's size.
FUZZ_TARGET(signature_lines) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  if (const auto size = parse_size_line(text)) {
    ENSURE(std::to_string(*size) + "\n" == text);
    return true;
  }
  const auto lines = parse_signature_lines(text);
  if (!lines) return false;
  std::string again;
  for (const NoteSignature& line : *lines) again += to_text(line);
  ENSURE(again == text);
  for (const NoteSignature& line : *lines) {
    const NoteKey key{line.name, line.key_hash, Hash{}, NoteKeyType::cosignature};
    ENSURE(!verify_cosignature("a\n0\nb\n", line, key).has_value());
  }
  return true;
}
