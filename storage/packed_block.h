// A block of a packed segment: many contents in one zstd frame, opened once, by whoever needs it
// first.
//
// Reading forward (PackedBlocks) finds blocks and opens none, so that several threads can.
// Thread safety: a block may be used by several threads; PackedBlocks by one. Memory: what lies in
// the file, and when opened at most kMaxExpansion times as much.
// Errors: bytes that cannot be a block: a Defect; one that does not open: its records' contents are
// missing. The OS failing throws std::system_error. Trust: from the host under judgement.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "attest/appraiser.h"
#include "storage/file_window.h"
#include "storage/segment_format.h"

namespace stele::storage {

class PackedBlock {
 public:
  PackedBlock(const BlockHeader& header, attest::Bytes stored)
      : header_(header), stored_(std::move(stored)) {}

  std::uint32_t first() const { return header_.first; }  // counted within the segment
  std::uint32_t end() const { return header_.first + header_.count; }
  std::size_t stored_bytes() const { return kBlockHeaderBytes + stored_bytes_; }

  // The contents of its records, in order; views that live as long as the block.
  std::span<const attest::RecordView> contents() const;

 private:
  void open() const;

  const BlockHeader header_;
  mutable attest::Bytes stored_;  // until it is opened, unless it is plain
  const std::size_t stored_bytes_ = stored_.size();
  mutable std::once_flag opened_;
  mutable attest::Bytes plain_;
  mutable std::vector<attest::RecordView> contents_;
};

// The blocks of a packed segment, one after another.
class PackedBlocks {
 public:
  // From the block at `begin`, whose first record is `first`, to the end of the file, which must
  // outlive this.
  PackedBlocks(const File& file, std::uint64_t begin, std::uint32_t first = 0);
  bool done() const { return at_ == window_.limit(); }
  std::uint32_t covered() const { return covered_; }  // records of the segment so far
  std::uint64_t at() const { return at_; }            // of the next block, in the file

  attest::Result<BlockHeader> skip();  // the next one's header only
  attest::Result<std::shared_ptr<const PackedBlock>> next();

 private:
  attest::Result<BlockHeader> header();

  FileWindow window_;
  std::uint64_t at_;
  std::uint32_t covered_;
};

// The plain bytes of a codec 1 block: `plain` of them or nothing.
std::optional<attest::Bytes> unpack(attest::ByteView stored, std::size_t plain);

}  // namespace stele::storage
