// The signed halves beside a memory file: what the TPM signed about the statement that is
// remembered. Should a host ever show another, they are one half of the proof.
//
//   MEMORY.anchor           the statement that the memory is of, with its receipt
//   MEMORY.counter-anchor   the newest counter anchor up to it, likewise: of a number there is one
//
// `stele challenge` and `stele-verify` write them with the memory, before it. One that is not the
// memory's is not used; what the evidence does not show anew stays as it is.
// Thread safety: functions; one thread. Blocks: files. Errors: std::system_error.
// Trust: halves_in() reads files of the host under judgement, and gives out only what the pinned
// TPM signed.
#pragma once

#include <optional>
#include <string>

#include "attest/memory.h"
#include "storage/file_system.h"
#include "tools/stele_verify/signed_half.h"

namespace stele::tools {

inline constexpr const char* kAnchorSuffix = ".anchor";
inline constexpr const char* kCounterAnchorSuffix = ".counter-anchor";

struct KeptHalves {
  std::optional<SignedHalf> newest, counter;
  // Without what is not this memory's.
  void keep_those_of(const attest::Memory& memory);
};

// Beside this memory file; each that is there.
void write_halves(const std::string& memory_path, const KeptHalves& halves);
// Those of a memory in the data directory that it was made from. It may have grown since.
KeptHalves halves_in(storage::FileSystem& files, const std::string& directory,
                     const attest::Memory& memory, const attest::TrustFile& trust);

}  // namespace stele::tools
