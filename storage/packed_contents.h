// The contents of a packed segment by record: which block holds it, opened; the newest one is kept.
//
// Thread safety: from any thread; one lock, held while a block is looked for, not while it is
// opened. Memory: 16 bytes a block, and one block. Blocks: reads. Errors: a Defect; the OS failing
// throws.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "storage/packed_block.h"

namespace stele::storage {

class PackedContents {
 public:
  // begin: of the first block.
  PackedContents(std::shared_ptr<File> file, std::uint64_t begin)
      : file_(std::move(file)), begin_(begin) {}
  // record: counted within the segment.
  attest::Result<std::shared_ptr<const PackedBlock>> block_of(std::uint32_t record) const;

 private:
  struct Place {
    std::uint32_t first = 0;
    std::uint64_t at = 0;
  };
  attest::Result<void> list_blocks() const;

  const std::shared_ptr<File> file_;
  const std::uint64_t begin_;
  mutable std::mutex mutex_;  // guards all below
  mutable std::vector<Place> places_;
  mutable std::uint32_t records_ = 0;
  mutable std::shared_ptr<const PackedBlock> newest_;
};

}  // namespace stele::storage
