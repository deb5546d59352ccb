// A C2SP tlog-proof: one record's place under a checkpoint, as text that other logs' tools read.
//
//   c2sp.org/tlog-proof@v1 LF
//   [extra BASE64 LF]                   ours: a proof (proof.h) without its path
//   index DECIMAL LF
//   BASE64 of a hash LF                 for each of the path, from the leaf to the root
//   LF, the checkpoint's note           of the very head that the receipt in `extra` covers
//
// Thread safety: pure. Errors: parse_tlog_proof: bad_magic, truncated, value_out_of_range, with the
// line where it is known; those of note and checkpoint. Trust: from anyone; the extra line is under
// no signature of the note's. Limits: kMaxTlogProofBytes written, kMaxReadTlogProofBytes read.
// See: README.md, "tlog-proof"; C2SP tlog-proof.md, tlog-checkpoint.md.
#pragma once

#include <optional>
#include <string>

#include "attest/checkpoint.h"
#include "attest/proof.h"

namespace stele::attest {

constexpr std::string_view kTlogProofFirstLine = "c2sp.org/tlog-proof@v1\n";
// So that it travels where a signature does. Any log's below 2^32 records fits, with its receipt.
constexpr std::size_t kMaxTlogProofBytes = 3u << 10;
// Whoever has the file may add cosignatures, of kinds that take kilobytes each.
constexpr std::size_t kMaxReadTlogProofBytes = 256u << 10;

struct TlogProof {
  std::optional<Bytes> extra;
  std::uint64_t index = 0;
  InclusionProof path;  // at most 64
  Note note;
  Checkpoint checkpoint;  // of the note's text
};
std::string to_text(const TlogProof& proof);
Result<TlogProof> parse_tlog_proof(std::string_view text);

// The proof with all its parts; the note: the log's, of the head of the proof's statement. Of its
// cosignatures as many as fit, in their order: the others can be handed over beside it, a receipt
// cannot. Nothing: it takes more than kMaxTlogProofBytes even without any.
std::optional<TlogProof> make_tlog_proof(Proof proof, const Note& note);
// What the extra line holds, with the path and index of the lines. Precondition: there is one.
Result<Proof> decode_extra(const TlogProof& proof);

}  // namespace stele::attest
