#include "attest/witness/add_checkpoint.h"
#include "tests/fuzz/fuzz.h"

using namespace stele::attest;

// The request, and whatever is judged of it: never a crash, and what is read is written back.
FUZZ_TARGET(add_checkpoint) {
  const auto request =
      parse_add_checkpoint({reinterpret_cast<const char*>(input.data()), input.size()});
  if (!request) return false;
  ENSURE(stele::test::same(view(to_text(*request)), input));
  const NoteKey key = make_note_key(request->checkpoint.origin, Hash{}, NoteKeyType::note);
  ENSURE(judge_add_checkpoint(*request, key, empty_tree()).status != 200);
  return true;
}
