// BootLogParts: the logs that a boot bundle names, from DIR/boot/HASH into an evidence bundle.
//
// Given out are those that are kept, are what their name says, and fit; of the others whoever judges
// the bundle learns that they are not there. Thread safety: one thread. Memory: a log at a time.
// Errors: of FileSystem. Trust: none is placed in the files but that their hash is their name.
#pragma once

#include <cstdint>
#include <string>

#include "attest/evidence/assembler.h"
#include "storage/file_system.h"

namespace stele::storage {

struct BootLogLimits {
  std::uint64_t log_bytes = attest::kMaxLogPart;   // of one; at most kMaxLogPart
  std::uint64_t all_bytes = ~std::uint64_t{0};     // of all, as often as bundles name them
};

class BootLogParts {
 public:
  // All outlive it.
  BootLogParts(FileSystem& files, const std::string& directory,
               attest::EvidenceAssembler& assembler, const BootLogLimits& limits);
  // Of this bundle, as encoded, which was the last entry. What is no bundle names none.
  void give(attest::ByteView encoded_bundle);
  std::size_t too_long() const { return too_long_; }  // kept, and above the limits

 private:
  void give_log(const attest::Hash& hash, std::uint64_t bytes);

  FileSystem& files_;
  const std::string& directory_;
  attest::EvidenceAssembler& assembler_;
  const BootLogLimits limits_;
  std::uint64_t left_;
  std::size_t too_long_ = 0;
};

}  // namespace stele::storage
