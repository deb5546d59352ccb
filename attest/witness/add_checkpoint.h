// C2SP tlog-witness: the request add-checkpoint, and how a witness must answer it.
//
//   old SIZE LF
//   BASE64(hash) LF …          the consistency proof from SIZE to the checkpoint, at most 63
//   LF
//   the checkpoint, a signed note
//
// Thread safety: pure. Errors: parse_*: truncated, value_out_of_range, with the line. Trust:
// requests come from anyone; the log's key is configured. See: C2SP tlog-witness.md.
#pragma once

#include <cstdint>

#include "attest/checkpoint.h"

namespace stele::attest {

constexpr std::size_t kMaxConsistencyLines = 63;
constexpr std::size_t kMaxAddCheckpointBytes = 64u << 10;  // 63 hashes and 100 signatures fit

struct AddCheckpoint {
  std::uint64_t old_size = 0;
  ConsistencyProof proof;
  Note note;
  Checkpoint checkpoint;  // of the note's text; not written, but read from there
};
Result<AddCheckpoint> parse_add_checkpoint(std::string_view body);
std::string to_text(const AddCheckpoint& request);

// The body of 409: the size that the witness cosigned last.
Result<std::uint64_t> parse_size_line(std::string_view body);

// What a witness that cosigned `newest` last (none: the empty tree) must answer.
struct WitnessAnswer {
  unsigned status = 200;  // 200 cosign; 400, 403, 409, 422 as the specification has them
  std::string detail;
  // 409 with the size to be told; without it: the same size with another root, which is evidence.
  bool equivocation = false;
};
WitnessAnswer judge_add_checkpoint(const AddCheckpoint& request, const NoteKey& log_key,
                                   const TreeHead& newest);

}  // namespace stele::attest
