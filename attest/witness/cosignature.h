// C2SP cosignatures, Ed25519: a witness's statement that it saw a checkpoint, and when.
//
//   signature line   as a note's, of a key of type 04: key hash u32 ‖ time u64 ‖ signature 64
//   what is signed   "cosignature/v1" LF "time " SECONDS LF ‖ the checkpoint's text
//
// Says: at that time this was the largest tree of this origin that the witness had seen, and it
// follows from all that it had seen before. Thread safety: pure. Errors: signature_invalid,
// value_out_of_range, truncated. Trust: lines come from anyone, keys from whoever the caller
// trusts. See: C2SP tlog-cosignature.md; ML-DSA-44 (type 06) is not known here, and ignored.
#pragma once

#include <optional>

#include "attest/checkpoint.h"
#include "attest/note_signer.h"

namespace stele::attest {

constexpr std::size_t kMaxCosignatures = 64;  // of one answer

// The key of a witness that signs with this signer: of the same bytes, but of type 04.
NoteKey cosigner_key(const NoteSigner& signer);
// Of the key that a log cosigns others with: H("stele/v1/witness-key\0" ‖ its checkpoint key's seed).
Hash witness_seed(const Hash& checkpoint_seed);
NoteSignature cosign(const NoteSigner& signer, std::string_view checkpoint_text,
                     std::uint64_t time_s);

// Its time in seconds since 1970. Precondition: name and key hash are the key's.
Result<std::uint64_t> verify_cosignature(std::string_view checkpoint_text,
                                         const NoteSignature& line, const NoteKey& key);
// The newest time at which this witness signed the note's text. Nothing: it did not. A defect: a
// line bears its name and key hash, and does not verify.
Result<std::optional<std::uint64_t>> verify_cosigned(const Note& note, const NoteKey& key);

// The body of a witness's answer 200: 1 to kMaxCosignatures signature lines, each with its LF.
Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view body);

}  // namespace stele::attest
