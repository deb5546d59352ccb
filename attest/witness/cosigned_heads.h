// The cosigned heads of a log: checkpoints with the signatures of witnesses, as DIR/cosignatures.
//
//   stele-cosignatures 1 LF
//   LF, a checkpoint with its signature lines        for each, sizes ascending, none twice
//
// Beside the log and not in it: a record of each would be a new head to be cosigned, and without
// it only less can be claimed. Each head is a C2SP note that other tools read. Bounded: of many
// heads every second of the older half is dropped (kept()), so that old ones get rarer, not gone.
// Thread safety: values. Errors: bad_magic, truncated, value_out_of_range. Trust: from the host
// under judgement; what a line says is worth what its key is. See: README.md, "Cosigned heads".
#pragma once

#include <vector>

#include "attest/checkpoint.h"

namespace stele::attest {

constexpr std::size_t kMaxCosignedHeads = 256;
constexpr std::size_t kMaxCosignedBytes = 4u << 20;

struct CosignedHead {
  Note note;
  Checkpoint checkpoint;  // of the note's text; without extension lines
};
Result<std::vector<CosignedHead>> parse_cosigned_heads(std::string_view text);
std::string to_text(const std::vector<CosignedHead>& heads);

// Adds lines to the head of this text, or a new head in its place by size. A newer line of the same
// key replaces its older one. False: another head of that size is there; nothing is changed.
bool add_cosigned(std::vector<CosignedHead>& heads, const Note& note);

// Adds to a note the lines that the file's head of the very same text has beyond it. A file that
// cannot be read has none.
void take_cosignatures(std::string_view file, Note& note);

}  // namespace stele::attest
